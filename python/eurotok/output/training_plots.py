"""Pictures of training: a trace as prices fall, and a sweep as total against inequality."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from eurotok.output.layout import beside, text_width, ticks
from eurotok.output.plots import COLOURS, FAINT, GRID, INK, MARGIN, Dot, Label, Line, Mark, Scene, look
from eurotok.pricing.parallel_text import REFERENCE, language_name
from eurotok.training.sweep import FRONT, Point, Sweep
from eurotok.training.trace import Trace

LEFT, WIDTH, HEIGHT = 72, 560, 320
BAR = 16
NAMES = 128
"""Pixels for the name of a language."""

GAP = 11.0
"""Pixels between names, one below the other."""

GREY = "#9aa4ae"
"""The colour of languages that are grey in the chart."""


def coloured(found: Trace) -> dict[str, str]:
    """Choose the languages that a trace shows in colour, one for each colour.

    English, the most expensive ones in the end, and the cheapest, as many of these; all if they are few.

    Parameters
    ----------
    found
        The trace.

    Returns
    -------
    dict of str to str
        Colours by language, the most expensive first.

    Examples
    --------
    >>> trace = Trace.of(["de", "en", "fr"], [], [1, 2], [[3, 3, 3], [1, 2, 3]])
    >>> list(coloured(trace))
    ['fr', 'en', 'de']
    """
    final = found.final()
    ordered = sorted(final, key=lambda language: -final[language])
    others = [language for language in ordered if language != REFERENCE]
    room = len(COLOURS) - (REFERENCE in final)
    if len(others) > room:
        dear = (room + 1) // 2
        others = [*others[:dear], *others[dear - room :]]
    chosen = [language for language in ordered if language in (*others, REFERENCE)]
    return dict(zip(chosen, COLOURS, strict=False))


def trace(found: Trace) -> Scene:
    """Lay out the price of each language as the vocabulary grew, and the number of merges that it won.

    Prices are relative to the first point, so that languages in all scripts begin at 1. Prices and numbers of merges
    are on logarithmic scales. Eight languages are in colour, the other languages are grey: see `coloured`.

    Raises
    ------
    ValueError
        If the trace holds fewer than two points.
    """
    places = list(found.priced)
    points = np.flatnonzero(found.merges > 0)
    if len(points) < 2 or not places:
        raise ValueError("trace: there are too few merges to draw")
    merges = found.merges[points]
    prices = found.prices[points][:, places] / found.prices[points[0]][places].mean()
    names = [found.languages[place] for place in places]
    colours = coloured(found)
    won = found.won()
    ranked = sorted(found.languages, key=lambda language: -won[language])
    left = NAMES
    top = MARGIN + 58.0
    second = top + HEIGHT + 72.0
    low, high = math.log2(prices.min()), math.log2(prices.max())
    first, end = math.log2(merges[0]), math.log2(merges[-1])
    # The grey ones lie behind, and have names as far as there is room.
    behind = [column for column, name in enumerate(names) if name not in colours]
    before = [column for column, name in enumerate(names) if name in colours]
    named = [*before, *behind][: int(HEIGHT / GAP)]

    def x(count: float) -> float:
        return left + WIDTH * (math.log2(count) - first) / (end - first)

    def y(price: float) -> float:
        return top + HEIGHT * (high - math.log2(price)) / max(high - low, 1e-9)

    def marks() -> Iterator[Mark]:
        yield Label(MARGIN, MARGIN + 4, "Prices as the vocabulary grows (lower is better)", size=14.0)
        yield Label(MARGIN, MARGIN + 24, "Tokens of the parallel text, 1 = mean at first", colour=FAINT, size=11.0)
        if behind:
            about = f"In colour {len(before)} of {len(names)}: the most expensive in the end, the cheapest, and English"
            yield Label(MARGIN, MARGIN + 40, about, colour=FAINT, size=11.0)
        for power in range(math.ceil(first), int(end) + 1, max(1, int((end - first) // 6))):
            yield Line(x(2.0**power), top, x(2.0**power), top + HEIGHT)
            yield Label(x(2.0**power), top + HEIGHT + 14, f"{2**power:,}", "middle", FAINT, 11.0)
        yield Label(left + WIDTH, top + HEIGHT + 32, "merges", "end", FAINT, 11.0)
        for value in _between(2.0**low, 2.0**high):
            yield Line(left, y(value), left + WIDTH, y(value))
            yield Label(left - 8, y(value), f"{value:g}", "end", FAINT, 11.0)
        for column in (*behind, *before):
            line = [(x(count), y(price)) for count, price in zip(merges, prices[:, column], strict=True)]
            thick = 1.0 if column in behind else 2.0
            yield from _polyline(line, colours.get(names[column], GREY), thick)
        for column, height in _apart([(column, y(prices[-1, column])) for column in named], GAP, top, top + HEIGHT):
            colour = colours.get(names[column], FAINT)
            yield Label(left + WIDTH + 8, height, language_name(names[column]), colour=colour, size=10.0)
        yield Label(MARGIN, second - 20, "Merges won", size=14.0)
        most = max(1, *won.values())
        for row, language in enumerate(ranked):
            middle, length = second + BAR * (row + 0.5), (WIDTH - 60) * won[language] / most
            yield Label(left - 8, middle, language_name(language), "end", size=11.0)
            yield Line(left, middle, left + length, middle, colours.get(language, GREY), 9.0)
            yield Label(left + length + 8, middle, f"{won[language]:,}", size=10.0)

    bottom = second + BAR * len(ranked)
    title = f"Prices of {len(places)} languages over {len(found.winners):,} merges, and who won them"
    return Scene(title, left + WIDTH + NAMES + MARGIN, bottom + MARGIN, tuple(marks()))


def sweep(found: Sweep) -> Scene:
    """Lay out total price against inequality: a mark for each tokenizer, for each size a line through its front."""
    frontier = found.frontier()
    sizes = sorted({point.vocab_size for point in found.points})
    totals = [point.total / 1e6 for point in found.points]
    ginis = [point.gini for point in found.points]
    across, up = ticks(min(totals), max(totals)), ticks(0.0, max(ginis))
    top = MARGIN + 44.0 + 18.0 * len(sizes)
    size = 10.0

    def at(total: float, value: float) -> tuple[float, float]:
        x = LEFT + WIDTH * (total / 1e6 - across[0]) / (across[-1] - across[0])
        return x, top + HEIGHT * (up[-1] - value) / (up[-1] - up[0])

    def of(point: Point) -> int:
        return sizes.index(point.vocab_size)

    dots = [at(point.total, point.gini) for point in found.points]
    names = [f"{point.name} {FRONT}" if point in frontier else point.name for point in found.points]
    right = LEFT + WIDTH + 84.0
    fronts = [
        sorted(dot for dot, point in zip(dots, found.points, strict=True) if point in frontier and of(point) == row)
        for row in range(len(sizes))
    ]
    boxes = beside(dots, names, size, (LEFT, top, right, top + HEIGHT - 2), fronts)

    def marks() -> Iterator[Mark]:
        yield Label(MARGIN, MARGIN + 4, "What equal prices cost (lower is fairer, further left is cheaper)", size=14.0)
        for row, entries in enumerate(sizes):
            number, shape = look(row)
            yield Dot(MARGIN + 6, MARGIN + 28 + 18 * row, shape, COLOURS[number], f"{entries:,} entries")
            yield Label(MARGIN + 20, MARGIN + 28 + 18 * row, f"{entries:,} entries")
        for step in across:
            x, _ = at(1e6 * step, 0.0)
            yield Line(x, top, x, top + HEIGHT)
            yield Label(x, top + HEIGHT + 14, f"{step:g} M", "middle", FAINT, 11.0)
        for step in up:
            _, y = at(0.0, step)
            yield Line(LEFT, y, LEFT + WIDTH, y, FAINT if step == 0 else GRID)
            yield Label(LEFT - 8, y, f"{step:g}", "end", FAINT, 11.0)
        yield Label(LEFT, top - 12, "Gini of prices (0: all languages pay alike; ↓ fairer)", colour=FAINT, size=11.0)
        cheaper = "← cheaper: fewer tokens over all languages"
        yield Label(LEFT + WIDTH, top + HEIGHT + 34, cheaper, "end", FAINT, 11.0)
        yield Label(MARGIN, top + HEIGHT + 56, f"{FRONT} {found.explanation}", colour=FAINT, size=11.0)
        for row, front in enumerate(fronts):
            yield from _polyline(front, COLOURS[look(row)[0]])
        for point, dot, name, box in zip(found.points, dots, names, boxes, strict=True):
            number, shape = look(of(point))
            title = f"{point.name}, {point.vocab_size:,} entries: {point.total:,} tokens, Gini {point.gini:.4f}"
            yield from _leader(dot, box)
            yield Dot(*dot, shape, COLOURS[number], title)
            middle, line = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            yield Label(middle, line, name, "middle", colour=INK, size=size)

    title = f"Total price against its inequality, {len(found.points)} tokenizers"
    width = max(right, MARGIN + text_width(found.explanation, 11.0)) + MARGIN
    return Scene(title, width, top + HEIGHT + 64 + MARGIN, tuple(marks()))


def _leader(dot: tuple[float, float], box: tuple[float, float, float, float]) -> Iterator[Line]:
    """Join a dot to its name, if that stands far from it."""
    x, y = min(max(dot[0], box[0]), box[2]), min(max(dot[1], box[1]), box[3])
    if math.dist(dot, (x, y)) > 14:
        yield Line(*dot, x, y, FAINT, 0.75)


def _polyline(points: Sequence[tuple[float, float]], colour: str, width: float = 1.5) -> Iterator[Line]:
    for (x1, y1), (x2, y2) in pairwise(points):
        yield Line(x1, y1, x2, y2, colour, width)


def _between(low: float, high: float) -> list[float]:
    """Choose round numbers on a logarithmic scale."""
    steps = [factor * 10.0**power for power in range(-3, 3) for factor in (1, 1.5, 2, 3, 5, 7)]
    return [round(step, 6) for step in steps if low <= step <= high]


def _apart(labels: Sequence[tuple[int, float]], gap: float, top: float, bottom: float) -> Iterator[tuple[int, float]]:
    """Move labels until they are legible: up from the lowest on, and down again where that would leave the top."""
    ordered = sorted(labels, key=lambda label: -label[1])
    heights = []
    next_one = bottom + gap
    for _, height in ordered:
        next_one = min(height, next_one - gap)
        heights.append(next_one)
    highest = top
    for n in reversed(range(len(heights))):
        heights[n] = highest = max(heights[n], highest)
        highest += gap
    return zip((number for number, _ in ordered), heights, strict=True)
