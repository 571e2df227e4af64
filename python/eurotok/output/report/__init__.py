"""A comparison as one page that needs nothing else: style, script and data are inside.

Without its script the page has the summary, the picture and the table of surcharges; with it the table sorts and shows
any figure, and the distribution, the tokens and the calculator appear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from string import Template
from typing import Any

import numpy as np

from eurotok import escape
from eurotok.output.plots import look, order, ticks
from eurotok.output.report.names import FIGURE_NAMES
from eurotok.pricing import bootstrap
from eurotok.pricing.measure import token_bytes
from eurotok.pricing.parallel_text import REFERENCE, language_name
from eurotok.pricing.statistics import Figures, Floats

EXAMPLES = 3
"""Sentences that are shown with their tokens."""

CARDS = 4
"""Tokenizers up to which each has a card; more are rows of a table."""

COLOURED = 5
"""Tokenizers that the picture shows in colour before a reader chooses others, if there are more than that."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""What is shown of the distribution over sentences."""


def page(figures: Figures) -> str:
    """Write the page.

    Returns
    -------
    str
        HTML that fetches nothing.
    """
    folder = resources.files(__name__)
    template = Template((folder / "page.html").read_text(encoding="utf-8"))
    best = int(np.nanargmin(figures.mean)) if not np.isnan(figures.mean).all() else 0
    shown = _shown_first(figures, best)
    return template.substitute(
        style=(folder / "page.css").read_text(encoding="utf-8"),
        script=(folder / "page.js").read_text(encoding="utf-8"),
        data=escape.script(_data(figures)),
        summary=_cards(figures, best) if len(figures.tokenizers) <= CARDS else _ranking(figures),
        legend=_legend(figures, shown),
        plot=_plot(figures, shown),
        table=_table(figures),
        size="few" if len(figures.tokenizers) <= CARDS else "many",
        text=escape.html(figures.text.name),
        sentences=f"{figures.sentences:,}",
        languages=len(figures.languages),
        replicates=f"{bootstrap.REPLICATES:,}",
        problems="".join(f"<li>{escape.html(it)}</li>" for it in figures.problems) or "<li>None found.</li>",
        price=f"{figures.price:g}",
    )


def _shown_first(figures: Figures, best: int) -> set[int]:
    """Choose the tokenizers that the picture shows in colour: all if they are few, else the first ones and the best."""
    count = len(figures.tokenizers)
    return set(range(count)) if count <= COLOURED else {*range(COLOURED - 1), best}


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


def _cards(figures: Figures, best: int) -> str:
    """Summarize a few tokenizers: a card each."""
    cards = []
    for t, name in enumerate(figures.tokenizers):
        name = f"<span {_mark(t, {t})}></span> {_breakable(name)}{_flaw(figures, t)}"
        if np.isnan(figures.mean[t]):
            cards.append(f"<li><h3>{name}</h3><p>No mean: see the problems below.</p></li>")
            continue
        mark = ' <span class="tag">lowest mean</span>' if t == best and len(figures.tokenizers) > 1 else ""
        between = _between(figures, "surcharge_mean", t)
        cards.append(
            f"<li><h3>{name}{mark}</h3>"
            f'<p class="big">{percent(figures.mean[t])}</p>'
            f"<p>mean surcharge{f' (95 %: {between})' if between else ''}</p>"
            f"<dl><div><dt>Worst</dt><dd>{percent(figures.worst[t])} {_dearest(figures, t)}</dd></div>"
            f"<div><dt>Nine in ten below</dt><dd>{percent(figures.p90[t])}</dd></div>"
            f"<div><dt>Gini of prices</dt><dd>{figures.gini[t]:.3f}</dd></div>"
            f"<div><dt>Tokens a sentence</dt><dd>{figures.prices[t].mean():.1f}</dd></div></dl></li>"
        )
    return f'<ul class="cards">{"".join(cards)}</ul>'


def _ranking(figures: Figures) -> str:
    """Summarize many tokenizers: a row each, the lowest mean surcharge first."""
    head = ("Tokenizer", "Mean surcharge", "Nine in ten below", "Worst", "Gini of prices", "Tokens a sentence")
    longest = max(float(np.nanmax(figures.mean, initial=0.0)), 1e-9)
    rows = []
    for t in sorted(range(len(figures.tokenizers)), key=lambda t: np.nan_to_num(figures.mean[t], nan=np.inf)):
        name = escape.html(figures.tokenizers[t])
        cells = ["No mean: see the problems below.", "–", "–", "–", "–"]
        if not np.isnan(figures.mean[t]):
            part = 100 * max(figures.mean[t], 0.0) / longest
            cells = [
                f'<span class="bar" style="--w:{part:.1f}%"></span><b>{percent(figures.mean[t])}</b> '
                f"<small>{_between(figures, 'surcharge_mean', t)}</small>",
                percent(figures.p90[t]),
                f"{percent(figures.worst[t])} {_dearest(figures, t)}",
                f"{figures.gini[t]:.3f}",
                f"{figures.prices[t].mean():.1f}",
            ]
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row" title="{name}">{name}{_flaw(figures, t)}</th>{row}</tr>')
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Summary by tokenizer"><table class="ranking">'
        f"<thead><tr>{''.join(f'<th scope={chr(34)}col{chr(34)}>{it}</th>' for it in head)}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _flaw(figures: Figures, t: int) -> str:
    flaw = figures.flaw(t)
    return f' <a class="tag bad" href="#problems">{flaw}</a>' if flaw else ""


def _dearest(figures: Figures, t: int) -> str:
    others = order(figures)
    return escape.html(language_name(figures.languages[max(others, key=lambda i: figures.surcharges[t, i])]))


def _between(figures: Figures, name: str, t: int) -> str:
    low, high = figures.intervals[name][:, t]
    return "" if np.isnan(low) else f"{percent(low).removesuffix('%').strip()} to {percent(high)}"


def _breakable(name: str) -> str:
    """Escape a name, and let lines break after its punctuation."""
    return re.sub(r"(?<=[._-])(?=\w)", "<wbr>", escape.html(name))


def _mark(t: int, shown: set[int], style: str = "") -> str:
    colour, shape = look(t)
    return f'class="mark {shape}{"" if t in shown else " off"}" data-t="{t}" style="{style}--c:var(--c{colour})"'


def _legend(figures: Figures, shown: set[int]) -> str:
    return "".join(
        f'<label><input type="checkbox" data-toggle="{t}"{" checked" if t in shown else ""}>'
        f"<span {_mark(t, shown | {t})}></span>{escape.html(name)}</label>"
        for t, name in enumerate(figures.tokenizers)
    )


def _plot(figures: Figures, shown: set[int]) -> str:
    """Ordered dots: a row a language, a mark a tokenizer. Percentages of the width, so that it fits any."""
    rows = order(figures)
    extra, ends = figures.surcharges, figures.intervals["surcharge"]
    known = extra[:, rows][~np.isnan(extra[:, rows])]
    steps = ticks(min(0.0, known.min(initial=0.0)), max(0.1, known.max(initial=0.1)))

    def x(value: float) -> str:
        return f"{100 * (value - steps[0]) / (steps[-1] - steps[0]):.2f}%"

    zero = steps.index(0.0)
    axis = "".join(
        f'<span{" class=odd" if (n - zero) % 2 else ""} style="left:{x(it)}">{percent(it) if it else "0"}</span>'
        for n, it in enumerate(steps)
    )
    grid = "".join(f'<i class="grid{"" if it else " zero"}" style="left:{x(it)}"></i>' for it in steps)
    lines = [f'<div class="row axis"><span></span><div class="track">{axis}</div></div>']
    for i in rows:
        name, marks = language_name(figures.languages[i]), []
        for t, tokenizer in enumerate(figures.tokenizers):
            if np.isnan(extra[t, i]):
                continue
            title = escape.html(f"{name}, {tokenizer}: {percent(extra[t, i], 1)}")
            if not np.isnan(ends[0, t, i]):
                left, right = ends[:, t, i]
                width = f"{100 * (right - left) / (steps[-1] - steps[0]):.2f}%"
                style = f"left:{x(left)};width:{width};--c:var(--c{look(t)[0]})"
                off = "" if t in shown else " off"
                marks.append(f'<i class="whisker{off}" data-t="{t}" style="{style}"></i>')
            marks.append(f'<span {_mark(t, shown, f"left:{x(extra[t, i])};")} title="{title}"></span>')
        lines.append(
            f'<div class="row"><span>{escape.html(name)}</span><div class="track">{grid}{"".join(marks)}</div></div>'
        )
    return "".join(lines)


def _table(figures: Figures) -> str:
    head = "".join(
        f'<th scope="col"><button type="button" data-sort="{t + 1}">{_breakable(name)}</button></th>'
        for t, name in enumerate(figures.tokenizers)
    )
    ends = figures.intervals["surcharge"]
    body = []
    for i, language in enumerate(figures.languages):
        cells = "".join(
            f"<td>{percent(value)}{_small(low, high)}</td>"
            for value, low, high in zip(figures.surcharges[:, i], *ends[:, :, i], strict=True)
        )
        code, name = escape.html(language), escape.html(language_name(language))
        body.append(f'<tr><th scope="row" data-code="{code}">{name}</th>{cells}</tr>')
    return (
        '<thead><tr><th scope="col" aria-sort="ascending"><button type="button" data-sort="0">Language</button></th>'
        f"{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    )


def _small(low: float, high: float) -> str:
    if np.isnan(low) or low == high:
        return " <small></small>"
    return f" <small>{percent(low).removesuffix('%').strip()} to {percent(high)}</small>"


def _data(figures: Figures) -> dict[str, Any]:
    """Gather what the script needs, in the order of the languages and tokenizers."""
    examples = _examples(figures)
    return {
        "reference": figures.languages.index(REFERENCE),
        "codes": figures.languages,
        "languages": [language_name(it) for it in figures.languages],
        "tokenizers": figures.tokenizers,
        "figures": [
            {
                "key": key,
                "name": name,
                "about": about,
                "kind": kind,
                "values": _plain(figures.figures[key]),
                "ends": _plain(figures.intervals[key].transpose(1, 2, 0)) if key in figures.intervals else None,
            }
            for key, (name, kind, about) in FIGURE_NAMES.items()
        ],
        "words": _plain(figures.texts[figures.languages.index(REFERENCE)].words.mean()),
        "quantiles": _plain(_quantiles(figures)),
        "sentences": [[text.sentences[s] for text in figures.texts] for s in examples],
        "cuts": [
            [[_cuts(figures, t, i, s) for i in range(len(figures.languages))] for s in examples]
            for t in range(len(figures.tokenizers))
        ],
    }


def _quantiles(figures: Figures) -> Floats:
    """Take quantiles of the surcharge of single sentences: shape (tokenizers, languages, quantiles)."""
    counts = np.where(figures.counts > 0, figures.counts, np.nan).astype(np.float64)
    ratios = counts / counts[:, [figures.languages.index(REFERENCE)]] - 1
    return np.moveaxis(np.quantile(ratios, QUANTILES, axis=2), 0, -1)


def _examples(figures: Figures) -> list[int]:
    """Choose sentences of usual length: those whose English is nearest to two thirds of the median in bytes."""
    size = figures.texts[figures.languages.index(REFERENCE)].size
    return sorted(np.argsort(np.abs(size - np.median(size) * 2 / 3), kind="stable")[:EXAMPLES].tolist())


def _cuts(figures: Figures, t: int, i: int, s: int) -> list[int | list[int]]:
    encoder, ids, sentence = figures.encoders[t], figures.encoded[t][i].ids, figures.texts[i].sentences[s]
    if ids is None or encoder.token is None or s in figures.usages[t][i].unaligned:
        return []
    return cuts(token_bytes(encoder, ids[s]), sentence)


def cuts(tokens: Sequence[bytes], sentence: str) -> list[int | list[int]]:
    r"""Tell how long each token is, in code units of UTF-16, as JavaScript counts.

    Tokens that cut a character are one with those that complete it: their length, and of how many tokens it is.

    Examples
    --------
    >>> cuts([b"Ath", b"\xce", b"\xb1", b"."], "Athα.")
    [3, [1, 2], 1]
    """
    made: list[int | list[int]] = []
    held, parts = b"", 0
    first = b" " if tokens and b"".join(tokens) == b" " + sentence.encode() else b""
    for token in tokens:
        held, parts = held + token, parts + 1
        if first:
            held, first = held.removeprefix(first), b""
        try:
            length = len(held.decode().encode("utf-16-le")) // 2
        except UnicodeDecodeError:
            continue
        made.append(length if parts == 1 else [length, parts])
        held, parts = b"", 0
    return made


def _plain(values: Floats) -> Any:  # noqa: ANN401 - lists as deep as the array
    if values.ndim:
        return [_plain(it) for it in values]
    return None if np.isnan(values) else float(f"{values:.5g}")
