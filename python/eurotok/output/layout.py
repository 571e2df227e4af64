"""Where things stand in a picture: ticks of an axis, a break before outliers, marks and labels that would overlap."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

NEAR_PART = 0.8
"""The part of a broken axis that lies before its break."""

MOST_FAR = 0.35
"""The largest share of the values that may lie beyond a break."""

SHRUNK = 2.5
"""An axis is broken only if it becomes this many times shorter."""

WIDE = 0.5
"""The least gap at a break beyond which many values lie, in lengths of the axis before it."""

FEW_FAR = 0.12
"""The share of the values that may lie beyond a break without this gap."""


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


@dataclass(frozen=True)
class Axis:
    """A linear axis, which may be broken: beyond its last tick it goes on to `end` in the room that is left.

    Attributes
    ----------
    ticks
        Round numbers, the first and the last of them the ends of the part before the break.
    end
        The last value; that of the last tick if the axis is not broken.
    """

    ticks: tuple[float, ...]
    end: float

    @property
    def broken(self) -> bool:
        """Whether there is a break."""
        return self.end > self.ticks[-1]

    def part(self, value: float) -> float:
        """Tell where a value stands: 0 at the begin of the axis, 1 at its end.

        Examples
        --------
        >>> Axis((0.0, 1.0), 1.0).part(0.5), Axis((0.0, 1.0), 5.0).part(0.5), Axis((0.0, 1.0), 5.0).part(5.0)
        (0.5, 0.4, 1.0)
        """
        first, last = self.ticks[0], self.ticks[-1]
        near = NEAR_PART if self.broken else 1.0
        if value <= last or not self.broken:
            return near * (value - first) / (last - first)
        return near + (1 - near) * (value - last) / (self.end - last)


def axis(
    values: Sequence[float], *, reach: Sequence[float] = (), keep: float = 0.0, least: float = 0.1, most: int = 8
) -> Axis:
    """Make the axis of values, including 0. It is broken if a few large values would crowd the other values.

    Parameters
    ----------
    values
        The values to draw, none of them NaN.
    reach
        Other values that have to fit: the ends of intervals.
    keep
        Values that must lie before a break.
    least
        The least end of the axis.
    most
        Steps between ticks, at most.

    Examples
    --------
    >>> axis([0.1, 0.3, 0.55]).end
    0.6
    >>> axis([0.1, 0.2, 0.25, 0.3, 4.1])
    Axis(ticks=(0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3), end=5.0)
    """
    low, high = min([0.0, *values, *reach]), max([least, *values, *reach])
    cut = max(_cut(sorted(values), keep, low, high), least)
    near = ticks(low, cut, most)
    if near[-1] >= high:
        return Axis(tuple(near), near[-1])
    return Axis(tuple(near), ticks(0.0, high, most)[-1])


def _cut(ordered: Sequence[float], keep: float, low: float, high: float) -> float:
    """Give the largest value before the break: that with the widest gap after it; `high` if there is no break."""
    found, widest = high, 0.0
    for n in range(max(1, math.ceil((1 - MOST_FAR) * len(ordered))) - 1, len(ordered) - 1):
        length = ordered[n] - low
        gap = (ordered[n + 1] - ordered[n]) / max(length, 1e-9)
        few = len(ordered) - 1 - n <= FEW_FAR * len(ordered)
        if ordered[n] >= keep and ordered[-1] - low >= SHRUNK * length and gap > max(widest, 0.0 if few else WIDE):
            found, widest = ordered[n], gap
    return found


def most_of(values: Sequence[float]) -> float:
    """Give the value that nine of ten do not exceed; 0 if there are none.

    Examples
    --------
    >>> most_of([0.1, 0.3, 0.2, 4.0, 0.25, 0.3, 0.4, 0.1, 0.2, 0.3])
    0.4
    """
    return sorted(values)[math.ceil(0.9 * len(values)) - 1] if values else 0.0


def apart(places: Sequence[float], near: float) -> list[float]:
    """Move marks that would lie on each other to lanes, above and below the middle of their row.

    Parameters
    ----------
    places
        Where the marks are.
    near
        The distance below which two would touch.

    Returns
    -------
    list of float
        For each mark how many lanes it is moved down: 0 for a mark that is alone, -0.5 and 0.5 for two.

    Examples
    --------
    >>> apart([10.0, 50.0, 12.0], 8.0), apart([1.0, 1.0, 1.0], 8.0)
    ([-0.5, 0.0, 0.5], [-1.0, 0.0, 1.0])
    """
    moved = [0.0] * len(places)
    groups: list[list[int]] = []
    for n in sorted(range(len(places)), key=lambda n: places[n]):
        if groups and places[n] - places[groups[-1][-1]] < near:
            groups[-1].append(n)
        else:
            groups.append([n])
    for group in groups:
        ends: list[float] = []  # of each lane, the last mark
        lanes = []
        for n in group:
            lane = next((lane for lane, end in enumerate(ends) if places[n] - end >= near), len(ends))
            ends[lane : lane + 1] = [places[n]]
            lanes.append(lane)
        for n, lane in zip(group, lanes, strict=True):
            moved[n] = lane - (len(ends) - 1) / 2
    return moved


def lanes(moved: Sequence[float]) -> int:
    """Tell how many lanes a row needs, from the result of `apart`.

    Examples
    --------
    >>> lanes([-1.0, 0.0, 1.0]), lanes([])
    (3, 1)
    """
    return round(1 + 2 * max(map(abs, moved), default=0.0))


Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge."""

Lines = Sequence[tuple[float, float]]
"""The corners of a line."""


def text_width(text: str, size: float) -> float:
    """Estimate how wide a text is, in pixels: that of the widest fonts that pictures are shown with."""
    return 0.62 * size * len(text)


def beside(
    points: Sequence[tuple[float, float]], texts: Sequence[str], size: float, room: Box, lines: Sequence[Lines] = ()
) -> list[Box]:
    """Find places for the names of points where they overlap neither points nor each other.

    Parameters
    ----------
    points
        Where the points are, in pixels.
    texts
        The name of each.
    size
        Of the font, in pixels.
    room
        The range in which names are placed, as far as possible.
    lines
        Lines that no name covers.

    Returns
    -------
    list of Box
        The box of each name.
    """
    marks = [(x - 6, y - 6, x + 6, y + 6) for x, y in points]
    marks += [(x - 2, y - 2, x + 2, y + 2) for line in lines for x, y in _along(line)]
    taken: list[Box] = []
    for (x, y), text in zip(points, texts, strict=True):
        choices = list(_around(x, y, text_width(text, size), 1.3 * size))
        free = (
            box
            for box in choices
            if room[0] <= box[0] and room[1] <= box[1] and box[2] <= room[2] and box[3] <= room[3]
            if not any(_overlap(box, other) for other in (*marks, *taken))
        )
        taken.append(next(free, choices[0]))
    return taken


def _along(line: Lines) -> Iterator[tuple[float, float]]:
    """Give points of a line, a few pixels from each other."""
    for (x1, y1), (x2, y2) in pairwise(line):
        count = max(1, round(math.hypot(x2 - x1, y2 - y1) / 4))
        yield from ((x1 + (x2 - x1) * n / count, y1 + (y2 - y1) * n / count) for n in range(count))


def _around(x: float, y: float, width: float, height: float) -> Iterator[Box]:
    """Give the boxes around a point, the nearest first."""
    for distance in range(8, 260, 4):
        for angle in (45, 0, -45, 135, 180, -135, 90, -90, 20, -20, 160, -160, 70, -70, 110, -110):
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            middle = x + distance * across + width / 2 * (across if abs(across) < 0.5 else math.copysign(1, across))
            line = y - distance * up - (height / 2 * up if abs(up) > 0.5 else 0.0)
            yield middle - width / 2, line - height / 2, middle + width / 2, line + height / 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
