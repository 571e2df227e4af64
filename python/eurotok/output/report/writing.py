"""Figures and names as the page writes them."""

from __future__ import annotations

import re

import numpy as np

from eurotok import escape


def percent(value: float, digits: int = 0) -> str:
    r"""Write a proportion as a percentage with its sign, a true minus and a space that does not break.

    Examples
    --------
    >>> percent(0.364), percent(-0.05), percent(float("nan"))
    ('+36\xa0%', '−5\xa0%', '–')
    """
    if value == 0:
        return "0\u00a0%"
    return "–" if np.isnan(value) else f"{100 * value:+.{digits}f}\u00a0%".replace("-", "−")


def interval(low: float, high: float) -> str:
    r"""Write an interval of proportions; nothing if it is not known.

    Examples
    --------
    >>> interval(-0.12, 0.31), interval(float("nan"), 1.0)
    ('−12 to +31\xa0%', '')
    """
    return "" if np.isnan(low) or np.isnan(high) else f"{percent(low).removesuffix('%').strip()} to {percent(high)}"


def times(value: float) -> str:
    """Write a ratio of tokens.

    Examples
    --------
    >>> times(1.154), times(float("nan"))
    ('×1.15', '–')
    """
    return "–" if np.isnan(value) else f"×{value:.2f}"


def times_between(low: float, high: float) -> str:
    """Write the interval of a ratio; nothing if it is not known.

    Examples
    --------
    >>> times_between(1.131, 1.17), times_between(float("nan"), 1.0)
    ('×1.13 to 1.17', '')
    """
    return "" if np.isnan(low) or np.isnan(high) else f"×{low:.2f} to {high:.2f}"


def breakable(name: str) -> str:
    """Escape a name, and let lines break after its punctuation.

    Examples
    --------
    >>> breakable("o200k_base")
    'o200k_<wbr>base'
    """
    return re.sub(r"(?<=[._-])(?=\w)", "<wbr>", escape.html(name))
