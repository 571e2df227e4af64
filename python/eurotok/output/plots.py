"""Pictures for papers and pages: a scene of plain marks, written as SVG by hand or as PNG by matplotlib."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eurotok import escape
from eurotok.output.layout import Axis, apart, axis, lanes, most_of
from eurotok.output.tables import shorten
from eurotok.pricing.parallel_text import REFERENCE, language_name
from eurotok.pricing.statistics import Figures

INK, FAINT, GRID = "#1b1f24", "#57606a", "#d0d7de"
COLOURS = ("#0072b2", "#c04a00", "#007a58", "#a0428c", "#8a5d00", "#1f77a8", "#6e4b2a", "#444444")
"""The colours of tokenizers, in order, then again from the first.

They follow Okabe and Ito (2008), for all kinds of colour vision, but are darker: on white their contrast is 4.5 to 1 or
more."""

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


ROW, MARGIN, LABELS, TRACK, GAP = 20, 16, 110, 420, 56
TICKS = 6

LANE = 10.0
"""Pixels between the lanes of a row, to which marks that would lie on each other are moved."""

NEAR = 11.0
"""Pixels between the middles of two marks below which they are moved apart."""

BROKEN = "beyond the dashed line the scale is compressed"
"""The note beside a broken axis."""


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
    """A mark for a figure, with its meaning."""

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


def order(figures: Figures) -> list[int]:
    """Order the languages other than English by their surcharge under the reference, the largest first."""
    others = [i for i, language in enumerate(figures.languages) if language != REFERENCE]
    return sorted(others, key=lambda i: -np.nan_to_num(figures.surcharges[figures.base, i], nan=-1.0))


@dataclass(frozen=True)
class Panel:
    """A figure of every language and tokenizer as dots, a row a language, between `left` and `left + TRACK`."""

    figures: Figures
    name: Literal["surcharge", "tokens_per_sentence"]
    rows: Sequence[int]
    left: float

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The figure, in the order of the rows: shape (tokenizers, rows)."""
        return self.figures.figures[self.name][:, self.rows]

    @cached_property
    def ends(self) -> NDArray[np.float64]:
        """Its intervals: shape (2, tokenizers, rows)."""
        return self.figures.intervals[self.name][:, :, self.rows]

    @cached_property
    def axis(self) -> Axis:
        """Its axis."""
        known, reach, base = (
            it[~np.isnan(it)].tolist() for it in (self.values, self.ends, self.values[self.figures.base])
        )
        return axis(known, reach=reach, keep=most_of(base), most=TICKS)

    def x(self, value: float) -> float:
        """Give the place of a value, in pixels."""
        return self.left + TRACK * self.axis.part(value)

    def told(self, value: float, digits: int = 1) -> str:
        """Write a value."""
        return f"{100 * value:+.{digits}f} %" if self.name == "surcharge" else f"{value:.{digits}f}"

    def priced(self, row: int) -> list[int]:
        """List the tokenizers that have the figure in a row."""
        return [t for t in range(len(self.figures.tokenizers)) if not np.isnan(self.values[t, row])]

    def moved(self, row: int) -> list[float]:
        """Tell by how many lanes each of them is moved."""
        return apart([self.x(self.values[t, row]) for t in self.priced(row)], NEAR)

    def marks(self, edges: Sequence[float]) -> Iterator[Mark]:
        """Draw the axis and the rows, whose upper edges are given, and the lower one of the last."""
        top, bottom = edges[0], edges[-1]
        shown = [*self.axis.ticks, *([self.axis.end] if self.axis.broken else [])]
        for step in shown:
            yield Line(self.x(step), top - 6, self.x(step), bottom, FAINT if step == 0 else GRID)
            label = "0" if not step else self.told(step, 0) if self.name == "surcharge" else f"{step:g}"
            yield Label(self.x(step), top - 14, label, "middle", FAINT, 11.0)
        if self.axis.broken:
            at = self.x(self.axis.ticks[-1])
            yield from (
                Line(at, y, at, min(y + 6, bottom), FAINT, 1.5) for y in np.arange(top - 6, bottom, 10).tolist()
            )
        for row, (upper, lower) in enumerate(pairwise(edges)):
            yield from self._row(row, (upper + lower) / 2)

    def _row(self, row: int, middle: float) -> Iterator[Mark]:
        language = language_name(self.figures.languages[self.rows[row]])
        tokenizers = self.priced(row)
        if tokenizers:
            values = [self.values[t, row] for t in tokenizers]
            yield Line(self.x(min(values)), middle, self.x(max(values)), middle, GRID, 2.0)
        for t, lane in zip(tokenizers, self.moved(row), strict=True):
            number, shape = look(t)
            y, (low, high) = middle + LANE * lane, self.ends[:, t, row]
            interval = ""
            if not np.isnan(low):
                yield Line(self.x(low), y, self.x(high), y, COLOURS[number], 2.0)
                interval = f", 95 % {self.told(low)} to {self.told(high)}"
            unit = "" if self.name == "surcharge" else " tokens per sentence"
            title = f"{language}, {self.figures.tokenizers[t]}: {self.told(self.values[t, row])}{unit}{interval}"
            yield Dot(self.x(self.values[t, row]), y, shape, COLOURS[number], title)


def surcharges(figures: Figures) -> Scene:
    """Lay out the price of each language under each tokenizer: the surcharge, and beside it the tokens per sentence."""
    columns = 1 if len(figures.tokenizers) <= KEY_LINES else 2
    top = float(MARGIN + 62 + 18 * -(-len(figures.tokenizers) // columns))
    # English, at 0 by definition, closes the rows: of it the tokens are to be seen.
    shown = [*order(figures), figures.languages.index(REFERENCE)]
    right = LABELS + TRACK + GAP
    panels = Panel(figures, "surcharge", shown, LABELS), Panel(figures, "tokens_per_sentence", shown, right)
    heights = [max(ROW, LANE * max(lanes(panel.moved(row)) for panel in panels) + 4) for row in range(len(shown))]
    edges = [top, *(top + height for height in accumulate(heights))]
    bottom = edges[-1]

    def marks() -> Iterator[Mark]:
        yield Label(MARGIN, MARGIN + 4, "What each language pays (lower is better)", size=14.0)
        for t, name in enumerate(figures.tokenizers):
            key, y = MARGIN + t % columns * (LABELS + TRACK) / 2, MARGIN + 28 + 18 * (t // columns)
            number, shape = look(t)
            yield Dot(key + 6, y, shape, COLOURS[number], name)
            yield Label(key + 20, y, shorten(name, 40))
        yield Label(LABELS, top - 32, "Surcharge over English, which is at 0", size=12.0)
        yield Label(right, top - 32, "Tokens per sentence", size=12.0)
        for i, (upper, lower) in zip(shown, pairwise(edges), strict=True):
            yield Label(LABELS - 12, (upper + lower) / 2, language_name(figures.languages[i]), "end")
        for panel in panels:
            yield from panel.marks(edges)
        note = f"{figures.text.name}, {figures.sentences:,} sentences; bars: 95 % intervals"
        note += f"; {BROKEN}" if any(panel.axis.broken for panel in panels) else ""
        yield Label(MARGIN, bottom + 20, note, colour=FAINT, size=11.0)

    title = (
        f"Surcharge over English, and tokens per sentence, of {len(shown) - 1} languages under "
        f"{', '.join(figures.tokenizers)}"
    )
    return Scene(title, right + TRACK + 2 * MARGIN, bottom + 20 + MARGIN, tuple(marks()))


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
    """Refuse, before there is a scene, everything that `draw` would refuse.

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
