"""How well a colour is told from another, by the formula of WCAG 2."""

import re


def luminance(colour: str) -> float:
    """The relative luminance of `#rgb` or `#rrggbb`."""
    digits = colour.lstrip("#")
    parts = re.findall("..", digits if len(digits) == 6 else "".join(2 * it for it in digits))
    linear = [
        (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4) for v in (int(it, 16) / 255 for it in parts)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast of two colours: 1 of equal ones, 21 of black and white."""
    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)
