"""The charts of the page that need no script: ordered dots, a row a language, a mark a tokenizer."""

from __future__ import annotations

from typing import Literal

import numpy as np

from eurotok import escape
from eurotok.output.layout import apart, axis, lanes, most_of
from eurotok.output.plots import look, order
from eurotok.output.report.wording import Wording
from eurotok.pricing.parallel_text import REFERENCE
from eurotok.pricing.statistics import Figures

NEAR = 0.02
"""Marks nearer than this part of the width are moved apart."""


def mark(t: int, shown: set[int], style: str = "") -> str:
    """Write the attributes of the mark of a tokenizer."""
    colour, shape = look(t)
    return f'class="mark {shape}{"" if t in shown else " off"}" data-t="{t}" style="{style}--c:var(--c{colour})"'


def legend(figures: Figures, shown: set[int]) -> str:
    """Write the key of the charts, in which a reader chooses the tokenizers in colour."""
    return "".join(
        f'<label><input type="checkbox" data-toggle="{t}"{" checked" if t in shown else ""}>'
        f"<span {mark(t, shown | {t})}></span>{escape.html(name)}</label>"
        for t, name in enumerate(figures.tokenizers)
    )


def dots(
    figures: Figures, shown: set[int], figure: Literal["surcharge", "tokens_per_sentence"], words: Wording
) -> tuple[str, bool]:
    """Draw a figure: the most expensive language first, positions in per cent of the width, so that it fits any.

    Parameters
    ----------
    figures
        The figures.
    shown
        The tokenizers in colour.
    figure
        Which of them to draw. English has tokens, and no surcharge.
    words
        The texts.

    Returns
    -------
    str
        The chart.
    bool
        Whether its axis is broken.
    """
    of_surcharge = figure == "surcharge"
    rows = order(figures) if of_surcharge else [*order(figures), figures.languages.index(REFERENCE)]
    values, ends = figures.figures[figure], figures.intervals[figure]
    known, reach, base = (
        it[~np.isnan(it)].tolist() for it in (values[:, rows], ends[:, :, rows], values[figures.base, rows])
    )
    scale = axis(known, reach=reach, keep=most_of(base))

    def x(value: float) -> str:
        return f"{100 * scale.part(value):.2f}%"

    def told(value: float) -> str:
        if of_surcharge:
            return words.percent(value, 1)
        return words.say("script", "per_sentence", value=words.number(value, 1))

    steps = [*scale.ticks, *([scale.end] if scale.broken else [])]
    zero = steps.index(0.0)
    labels = "".join(
        f'<span{" class=odd" if (n - zero) % 2 and it != scale.end else ""} style="left:{x(it)}">'
        f"{'0' if not it else words.percent(it) if of_surcharge else words.number(it)}</span>"
        for n, it in enumerate(steps)
    )
    kinds = {0.0: " zero", scale.ticks[-1]: " break" if scale.broken else ""}
    grid = "".join(f'<i class="grid{kinds.get(it, "")}" style="left:{x(it)}"></i>' for it in steps)
    lines = [f'<div class="row axis"><span></span><div class="track">{labels}</div></div>']
    for i in rows:
        name, marks = words.heading(figures.languages[i]), []
        tokenizers = [t for t in range(len(figures.tokenizers)) if not np.isnan(values[t, i])]
        coloured = [t for t in tokenizers if t in shown]
        moved = dict(zip(coloured, apart([scale.part(values[t, i]) for t in coloured], NEAR), strict=True))
        for t in tokenizers:
            title = escape.html(f"{name}, {figures.tokenizers[t]}: {told(values[t, i])}")
            lane = f"--lane:{moved[t]:g};" if moved.get(t) else ""
            if not np.isnan(ends[0, t, i]):
                left, right = ends[:, t, i]
                width = f"{100 * (scale.part(right) - scale.part(left)):.2f}%"
                style = f"left:{x(left)};width:{width};{lane}--c:var(--c{look(t)[0]})"
                off = "" if t in shown else " off"
                marks.append(f'<i class="whisker{off}" data-t="{t}" style="{style}"></i>')
            marks.append(f'<span {mark(t, shown, f"left:{x(values[t, i])};{lane}")} title="{title}"></span>')
        lines.append(
            f'<div class="row" style="--lanes:{lanes(list(moved.values()))}"><span>{escape.html(name)}</span>'
            f'<div class="track">{grid}{"".join(marks)}</div></div>'
        )
    return "".join(lines), scale.broken
