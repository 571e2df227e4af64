"""Pictures for papers and pages: a scene of plain marks, written as SVG by hand or as PNG by matplotlib."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from eurotok import escape
from eurotok.output.tables import shorten
from eurotok.pricing.parallel_text import REFERENCE, language_name
from eurotok.pricing.statistics import Figures

INK, FAINT, GRID = "#1b1f24", "#57606a", "#d0d7de"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a0428c", "#b07800", "#56b4e9", "#6e4b2a", "#444444")
"""Of tokenizers, in order, then again from the first; after Okabe and Ito (2008), for all kinds of colour vision."""

KEY_LINES = 4
"""Tokenizers that the key of a picture lists one below the other; more stand in two columns."""

Shape = Literal["circle", "square", "diamond", "triangle"]
SHAPES: tuple[Shape, ...] = ("circle", "square", "diamond", "triangle")


def look(t: int) -> tuple[int, Shape]:
    """Give the colour and the shape of a tokenizer: the first 32 differ in one of them.

    Examples
    --------
    >>> look(0), look(8)
    ((0, 'circle'), (0, 'square'))
    """
    return t % len(COLOURS), SHAPES[(t + t // len(COLOURS)) % len(SHAPES)]


ROW, MARGIN, LABELS, TRACK, GAP = 20, 16, 110, 420, 36
TICKS = 6

NEAR = 8.0
"""Pixels between the middles of two marks below which they are moved apart."""


@dataclass(frozen=True)
class Line:
    """A straight line, in pixels from the upper left."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str = GRID
    width: float = 1.0


@dataclass(frozen=True)
class Dot:
    """A mark for a figure, and what it is."""

    x: float
    y: float
    shape: Shape
    colour: str
    title: str

    def corners(self) -> list[tuple[float, float]]:
        """Give the corners of the shape; none of a circle."""
        around = {"circle": [], "square": [45, 135, 225, 315], "diamond": [0, 90, 180, 270], "triangle": [90, 210, 330]}
        radius = 6.0 if self.shape != "circle" else 5.0
        return [
            (self.x + radius * math.cos(math.radians(it)), self.y - radius * math.sin(math.radians(it)))
            for it in around[self.shape]
        ]


@dataclass(frozen=True)
class Label:
    """A text, on the line of its middle."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    colour: str = INK
    size: float = 12.0


Mark = Line | Dot | Label


@dataclass(frozen=True)
class Scene:
    """Marks from the rearmost to the foremost, on a page of `width` times `height` pixels."""

    title: str
    width: float
    height: float
    marks: tuple[Mark, ...]


def ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Choose round numbers from `low` or below to `high` or above, at most `most` steps.

    Examples
    --------
    >>> ticks(0.0, 1.14)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]
    """
    span = max(high - low, 0.01)
    steps = (factor * 10.0**power for power in range(-3, 12) for factor in (1, 2, 5))
    step = next(it for it in steps if math.ceil(high / it) - math.floor(low / it) <= most and it >= span / most)
    return [round(n * step, 6) for n in range(math.floor(low / step), math.ceil(high / step) + 1)]


def order(figures: Figures) -> list[int]:
    """Order the languages other than English by their surcharge under the reference, the largest first."""
    others = [i for i, language in enumerate(figures.languages) if language != REFERENCE]
    return sorted(others, key=lambda i: -np.nan_to_num(figures.surcharges[figures.base, i], nan=-1.0))


def surcharges(figures: Figures) -> Scene:
    """Lay out what each language pays under each tokenizer: the surcharge, and beside it the tokens per sentence."""
    rows = order(figures)
    columns = 1 if len(figures.tokenizers) <= KEY_LINES else 2
    top = float(MARGIN + 62 + 18 * -(-len(figures.tokenizers) // columns))
    english = figures.languages.index(REFERENCE)
    # English, at 0 by definition, closes the rows: of it the tokens are to be seen.
    shown = [*rows, english]
    bottom = top + ROW * len(shown)
    right = LABELS + TRACK + GAP

    def marks() -> Iterator[Mark]:
        yield Label(MARGIN, MARGIN + 4, "What each language pays (lower is better)", size=14.0)
        for t, name in enumerate(figures.tokenizers):
            key, y = MARGIN + t % columns * (LABELS + TRACK) / 2, MARGIN + 28 + 18 * (t // columns)
            number, shape = look(t)
            yield Dot(key + 6, y, shape, COLOURS[number], name)
            yield Label(key + 20, y, shorten(name, 40))
        yield Label(LABELS, top - 32, "Surcharge over English", size=12.0)
        yield Label(right, top - 32, "Tokens per sentence", size=12.0)
        for place, i in enumerate(shown):
            yield Label(LABELS - 12, top + ROW * (place + 0.5), language_name(figures.languages[i]), "end")
        yield from _panel(figures, "surcharge", shown, LABELS, top)
        yield from _panel(figures, "tokens_per_sentence", shown, right, top)
        note = f"{figures.text.name}, {figures.sentences:,} sentences; bars: 95 % intervals"
        yield Label(MARGIN, bottom + 20, note, colour=FAINT, size=11.0)

    title = (
        f"Surcharge over English, and tokens per sentence, of {len(rows)} languages under "
        f"{', '.join(figures.tokenizers)}"
    )
    return Scene(title, right + TRACK + 2 * MARGIN, bottom + 20 + MARGIN, tuple(marks()))


def _panel(figures: Figures, name: str, rows: Sequence[int], left: float, top: float) -> Iterator[Mark]:
    """Draw a figure as dots, a row a language, and its axis."""
    values, ends = figures.figures[name], figures.intervals[name]
    known = values[:, rows][~np.isnan(values[:, rows])]
    steps = ticks(min(0.0, known.min(initial=0.0)), max(0.1, known.max(initial=0.1)), TICKS)
    of_surcharge = name == "surcharge"

    def x(value: float) -> float:
        return left + TRACK * (value - steps[0]) / (steps[-1] - steps[0])

    def told(value: float, digits: int = 1) -> str:
        return f"{100 * value:+.{digits}f} %" if of_surcharge else f"{value:.{digits}f}"

    for step in steps:
        yield Line(x(step), top - 6, x(step), top + ROW * len(rows), FAINT if step == 0 else GRID)
        label = "0" if not step else told(step, 0) if of_surcharge else f"{step:g}"
        yield Label(x(step), top - 14, label, "middle", FAINT, 11.0)
    for place, i in enumerate(rows):
        middle, language = top + ROW * (place + 0.5), language_name(figures.languages[i])
        of_language = values[:, i][~np.isnan(values[:, i])]
        if of_language.size:
            yield Line(x(of_language.min()), middle, x(of_language.max()), middle, GRID, 2.0)
        tokenizers = [t for t in range(len(figures.tokenizers)) if not np.isnan(values[t, i])]
        heights = [4.0 * turn for turn in spread([x(values[t, i]) for t in tokenizers], NEAR)]
        for t, height in zip(tokenizers, heights, strict=True):
            number, shape = look(t)
            low, high = ends[:, t, i]
            interval = ""
            if not np.isnan(low):
                yield Line(x(low), middle + height, x(high), middle + height, COLOURS[number], 2.0)
                interval = f", 95 % {told(low)} to {told(high)}"
            unit = "" if of_surcharge else " tokens per sentence"
            title = f"{language}, {figures.tokenizers[t]}: {told(values[t, i])}{unit}{interval}"
            yield Dot(x(values[t, i]), middle + height, shape, COLOURS[number], title)


def spread(places: Sequence[float], near: float) -> list[int]:
    """Tell marks apart that would lie on each other: by turns -1 and 1, and 0 for a mark that is alone.

    Parameters
    ----------
    places
        Where the marks are.
    near
        The distance below which two are too near.

    Examples
    --------
    >>> spread([10.0, 50.0, 12.0], 8.0)
    [-1, 0, 1]
    """
    turns = [0] * len(places)
    ordered = sorted(range(len(places)), key=lambda n: places[n])
    groups: list[list[int]] = []
    for n in ordered:
        if groups and places[n] - places[groups[-1][-1]] < near:
            groups[-1].append(n)
        else:
            groups.append([n])
    for group in groups:
        for turn, member in enumerate(group if len(group) > 1 else []):
            turns[member] = 1 if turn % 2 else -1
    return turns


def draw(scene: Scene, path: str) -> bytes:
    """Draw a scene in the format that the end of `path` names.

    Raises
    ------
    ValueError
        If it ends in neither `.svg` nor `.png`.
    ImportError
        If it is `.png` and matplotlib is not installed.
    """
    check_name(path)
    return png(scene) if path.lower().endswith(".png") else svg(scene).encode()


def check_name(path: str) -> None:
    """Refuse, before there is a scene, what `draw` would refuse.

    Raises
    ------
    ValueError, ImportError
        As for `draw`.
    """
    if path.lower().endswith(".png"):
        png(Scene("", 1, 1, ()))
    elif not path.lower().endswith(".svg"):
        raise ValueError(f"{path}: a picture must end in .svg or .png")


def svg(scene: Scene) -> str:
    """Write a scene as SVG."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {scene.width:g} {scene.height:g}" '
        f'width="{scene.width:g}" height="{scene.height:g}" role="img" font-family="system-ui, sans-serif">',
        f"<title>{escape.html(scene.title)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for mark in scene.marks:
        if isinstance(mark, Line):
            at = f'x1="{mark.x1:.1f}" y1="{mark.y1:.1f}" x2="{mark.x2:.1f}" y2="{mark.y2:.1f}"'
            lines.append(f'<line {at} stroke="{mark.colour}" stroke-width="{mark.width:g}"/>')
        elif isinstance(mark, Label):
            style = f'text-anchor="{mark.anchor}" dominant-baseline="central" font-size="{mark.size:g}"'
            lines.append(
                f'<text x="{mark.x:.1f}" y="{mark.y:.1f}" fill="{mark.colour}" {style}>{escape.html(mark.text)}</text>'
            )
        else:
            corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in mark.corners())
            shape = f'polygon points="{corners}"' if corners else f'circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="5"'
            name = shape.partition(" ")[0]
            lines.append(f'<{shape} fill="{mark.colour}"><title>{escape.html(mark.title)}</title></{name}>')
    return "\n".join([*lines, "</svg>", ""])


def png(scene: Scene, scale: float = 2.0) -> bytes:
    """Write a scene as PNG, `scale` pixels for one of the scene.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.patches import Circle, Polygon
    except ImportError as error:
        raise ImportError("a .png needs matplotlib: pip install 'eurotok[plots]' (an .svg needs nothing)") from error
    figure = Figure(figsize=(scene.width / 72, scene.height / 72), dpi=72 * scale)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, scene.width)
    axes.set_ylim(scene.height, 0)
    axes.axis("off")
    anchors = {"start": "left", "middle": "center", "end": "right"}
    for depth, mark in enumerate(scene.marks):
        if isinstance(mark, Line):
            ends = ([mark.x1, mark.x2], [mark.y1, mark.y2])
            axes.plot(*ends, color=mark.colour, linewidth=mark.width, solid_capstyle="butt", zorder=depth)
        elif isinstance(mark, Label):
            place: Any = {"ha": anchors[mark.anchor], "va": "center_baseline", "zorder": depth}
            axes.text(mark.x, mark.y, escape.matplotlib(mark.text), color=mark.colour, fontsize=mark.size, **place)
        else:
            corners = mark.corners()
            patch = Polygon(corners) if corners else Circle((mark.x, mark.y), 5.0)
            patch.set(facecolor=mark.colour, edgecolor="none", zorder=depth)
            axes.add_patch(patch)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
