"""Pictures of training: a trace as prices fall, and a sweep as total against inequality."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from eurotok.output.plots import COLOURS, FAINT, GRID, INK, MARGIN, Dot, Label, Line, Scene, look, ticks
from eurotok.training.sweep import Sweep
from eurotok.training.trace import Trace

LEFT, WIDTH, HEIGHT = 72, 560, 320
BAR = 16

Marks = Iterator[Line | Dot | Label]


def trace(found: Trace) -> Scene:
    """Lay out what each language paid as the vocabulary grew, and how many merges it won.

    Prices are those of the first point set to 1, so that languages of other scripts begin alike, against the number of
    merges, both on logarithmic scales.

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
    won = found.won()
    ranked = sorted(found.languages, key=lambda language: -won[language])
    top = MARGIN + 40.0
    second = top + HEIGHT + 72.0
    last = prices[-1]
    low, high = math.log2(prices.min()), math.log2(prices.max())
    first, end = math.log2(merges[0]), math.log2(merges[-1])

    def x(count: float) -> float:
        return LEFT + WIDTH * (math.log2(count) - first) / (end - first)

    def y(price: float) -> float:
        return top + HEIGHT * (high - math.log2(price)) / max(high - low, 1e-9)

    def marks() -> Marks:
        yield Label(MARGIN, MARGIN + 4, "Prices as the vocabulary grows", size=14.0)
        yield Label(MARGIN, MARGIN + 24, "tokens of the parallel text, 1 = mean at first", colour=FAINT, size=11.0)
        for power in range(math.ceil(first), int(end) + 1, max(1, int((end - first) // 6))):
            yield Line(x(2.0**power), top, x(2.0**power), top + HEIGHT)
            yield Label(x(2.0**power), top + HEIGHT + 14, f"{2**power:,}", "middle", FAINT, 11.0)
        yield Label(LEFT + WIDTH, top + HEIGHT + 32, "merges", "end", FAINT, 11.0)
        for value in _between(2.0**low, 2.0**high):
            yield Line(LEFT, y(value), LEFT + WIDTH, y(value))
            yield Label(LEFT - 8, y(value), f"{value:g}", "end", FAINT, 11.0)
        for column in range(len(places)):
            line = [(x(count), y(price)) for count, price in zip(merges, prices[:, column], strict=True)]
            yield from _polyline(line, COLOURS[column % len(COLOURS)])
        for column, height in _apart([(n, y(price)) for n, price in enumerate(last)], 11.0, top + HEIGHT):
            colour = COLOURS[column % len(COLOURS)]
            yield Label(LEFT + WIDTH + 8, height, found.languages[places[column]], colour=colour, size=10.0)
        yield Label(MARGIN, second - 20, "Merges won", size=14.0)
        most = max(1, *won.values())
        for row, language in enumerate(ranked):
            middle = second + BAR * (row + 0.5)
            yield Label(LEFT - 8, middle, language, "end", size=11.0)
            yield Line(LEFT, middle, LEFT + (WIDTH - 60) * won[language] / most, middle, COLOURS[0], 9.0)
            yield Label(LEFT + (WIDTH - 60) * won[language] / most + 8, middle, f"{won[language]:,}", size=10.0)

    bottom = second + BAR * len(ranked)
    title = f"Prices of {len(places)} languages over {len(found.winners):,} merges, and who won them"
    return Scene(title, LEFT + WIDTH + 48 + MARGIN, bottom + MARGIN, tuple(marks()))


def sweep(found: Sweep) -> Scene:
    """Lay out total price against inequality: a mark for each tokenizer, for each size a line through its frontier."""
    frontier = found.frontier()
    sizes = sorted({point.vocab_size for point in found.points})
    totals = [point.total / 1e6 for point in found.points]
    ginis = [point.gini for point in found.points]
    across, up = ticks(min(totals), max(totals)), ticks(0.0, max(ginis))
    top = MARGIN + 44.0 + 18.0 * len(sizes)

    def x(total: float) -> float:
        return LEFT + WIDTH * (total - across[0]) / (across[-1] - across[0])

    def y(value: float) -> float:
        return top + HEIGHT * (up[-1] - value) / (up[-1] - up[0])

    def marks() -> Marks:
        yield Label(MARGIN, MARGIN + 4, "What equal prices cost", size=14.0)
        for row, size in enumerate(sizes):
            number, shape = look(row)
            yield Dot(MARGIN + 6, MARGIN + 28 + 18 * row, shape, COLOURS[number], f"{size:,} entries")
            yield Label(MARGIN + 20, MARGIN + 28 + 18 * row, f"{size:,} entries")
        for step in across:
            yield Line(x(step), top, x(step), top + HEIGHT)
            yield Label(x(step), top + HEIGHT + 14, f"{step:g} M", "middle", FAINT, 11.0)
        for step in up:
            yield Line(LEFT, y(step), LEFT + WIDTH, y(step), FAINT if step == 0 else GRID)
            yield Label(LEFT - 8, y(step), f"{step:g}", "end", FAINT, 11.0)
        yield Label(LEFT, top - 12, "Gini of prices", colour=FAINT, size=11.0)
        yield Label(LEFT + WIDTH, top + HEIGHT + 34, "tokens over all languages", "end", FAINT, 11.0)
        for row, size in enumerate(sizes):
            number, shape = look(row)
            points = [point for point in found.points if point.vocab_size == size]
            best = sorted((x(point.total / 1e6), y(point.gini)) for point in points if point in frontier)
            yield from _polyline(best, COLOURS[number])
            for point in points:
                title = f"{point.name}, {size:,} entries: {point.total:,} tokens, Gini {point.gini:.4f}"
                at = (x(point.total / 1e6), y(point.gini))
                yield Dot(*at, shape, COLOURS[number], title)
                yield Label(at[0] + 9, at[1] - 9, point.name, colour=INK, size=10.0)

    title = f"Total price against its inequality, {len(found.points)} tokenizers"
    return Scene(title, LEFT + WIDTH + 72 + MARGIN, top + HEIGHT + 48 + MARGIN, tuple(marks()))


def _polyline(points: Sequence[tuple[float, float]], colour: str, width: float = 1.5) -> Iterator[Line]:
    for (x1, y1), (x2, y2) in pairwise(points):
        yield Line(x1, y1, x2, y2, colour, width)


def _between(low: float, high: float) -> list[float]:
    """Choose round numbers on a logarithmic scale."""
    steps = [factor * 10.0**power for power in range(-3, 3) for factor in (1, 1.5, 2, 3, 5, 7)]
    return [round(step, 6) for step in steps if low <= step <= high]


def _apart(labels: Sequence[tuple[int, float]], gap: float, bottom: float) -> Iterator[tuple[int, float]]:
    """Move labels up from the lowest on until they are legible, none of them below `bottom`."""
    next_one = bottom + gap
    for number, height in sorted(labels, key=lambda label: -label[1]):
        next_one = min(height, next_one - gap)
        yield number, next_one
