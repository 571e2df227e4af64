"""A picture: what each language pays under our tokenizers, beside what it pays under o200k."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from eurotok.output.layout import apart, lanes, ticks
from eurotok.output.plots import (
    COLOURS,
    FAINT,
    GRID,
    LABELS,
    LANE,
    MARGIN,
    NEAR,
    ROW,
    TRACK,
    Dot,
    Label,
    Line,
    Scene,
    look,
)
from eurotok.pricing.parallel_text import language_name
from scripts.models.peers import BASE


def beside(prices: Mapping[str, Any], names: Sequence[str], languages: Sequence[str]) -> Scene:
    """Lay out the tokens of each language over those under `BASE`, with their intervals, the dearest language first."""
    found = {name: prices["tokenizers"][name]["of_base"] for name in names}
    rows = sorted(languages, key=lambda language: -found[names[-1]][language][0])
    ends = [it[side] for name in names for it in (found[name][language] for language in rows) for side in (1, 2)]
    steps = ticks(min(ends), max(ends))
    left, top = LABELS + 50.0, float(MARGIN + 44 + 18 * -(-len(names) // 2))

    def x(value: float) -> float:
        return left + TRACK * (value - steps[0]) / (steps[-1] - steps[0])

    moved = [apart([x(found[name][language][0]) for name in names], NEAR) for language in rows]
    edges = [top, *(top + height for height in accumulate(max(ROW, LANE * lanes(row) + 4) for row in moved))]
    bottom = edges[-1]

    def marks() -> Iterator[Line | Dot | Label]:
        yield Label(
            MARGIN,
            MARGIN + 4,
            f"Tokens of the same sentences over those under {BASE} (GPT-4o): lower is better",
            size=14.0,
        )
        for number, name in enumerate(names):
            key, y = MARGIN + number % 2 * (left + TRACK) / 2, MARGIN + 28 + 18 * (number // 2)
            yield Dot(key + 6, y, look(number)[1], COLOURS[look(number)[0]], name)
            yield Label(key + 20, y, name)
        for step in steps:
            here = step == 1
            yield Line(x(step), top - 6, x(step), bottom, FAINT if here else GRID, 2.0 if here else 1.0)
            yield Label(
                x(step), top - 14, f"{100 * (step - 1):+.0f} %" if not here else "as much", "middle", FAINT, 11.0
            )
        for language, lane, (upper, lower) in zip(rows, moved, pairwise(edges), strict=True):
            yield Label(left - 12, (upper + lower) / 2, language_name(language), "end")
            for number, name in enumerate(names):
                figure, low, high = found[name][language]
                middle = (upper + lower) / 2 + LANE * lane[number]
                colour, shape = COLOURS[look(number)[0]], look(number)[1]
                yield Line(x(low), middle, x(high), middle, colour, 2.0)
                title = f"{language_name(language)}, {name}: {figure:.3f}, 95 % {low:.3f} to {high:.3f}"
                yield Dot(x(figure), middle, shape, colour, title)
        note = f"{prices['text']}, {prices['sentences']:,} sentences; bars: 95 % intervals"
        yield Label(MARGIN, bottom + 20, note, colour=FAINT, size=11.0)

    title = f"Tokens of {len(rows)} languages under {', '.join(names)}, over those under {BASE}"
    return Scene(title, left + TRACK + 2 * MARGIN, bottom + 20 + MARGIN, tuple(marks()))
