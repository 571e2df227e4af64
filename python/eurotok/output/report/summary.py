"""The head of the page: the finding in a sentence, and each tokenizer in a few figures."""

from __future__ import annotations

import numpy as np

from eurotok import escape
from eurotok.output.plots import order
from eurotok.output.report.charts import mark
from eurotok.output.report.writing import breakable, interval, percent, times, times_between
from eurotok.pricing.parallel_text import REFERENCE, language_name
from eurotok.pricing.statistics import ENOUGH, Figures

CARDS = 4
"""Tokenizers up to which each has a card; more are rows of a table."""


def best(figures: Figures) -> int:
    """Give the number of the tokenizer with the lowest mean surcharge."""
    return int(np.nanargmin(figures.mean)) if not np.isnan(figures.mean).all() else 0


def notice(figures: Figures) -> str:
    """Say before anything else that there are too few sentences, if there are."""
    if figures.sentences >= ENOUGH:
        return ""
    count = "One sentence is" if figures.sentences == 1 else f"{figures.sentences} sentences are"
    return (
        f'<p class="notice" role="note"><strong>{count} too few for conclusions.</strong> This page shows how the '
        f"figures look. Compare on a parallel text of {ENOUGH} sentences or more before you choose a tokenizer.</p>"
    )


def lead(figures: Figures) -> str:
    """State the finding: the most expensive language under the reference, beside the fairest tokenizer.

    Then the tokens of English and of all languages under the two, since a surcharge alone does not say who pays more.
    """
    base, fairest = figures.base, best(figures)
    if np.isnan(figures.mean[base]):
        return ""
    i = max(order(figures), key=lambda i: figures.surcharges[base, i])
    names = [f"<strong>{escape.html(figures.tokenizers[t])}</strong>" for t in (base, fairest)]
    language = escape.html(language_name(figures.languages[i]))
    text = f"Under {names[0]} the same text takes {_more(figures.surcharges[base, i])} in {language} than in English"
    if fairest == base:
        return f'<p class="lead">{text}.</p>'
    text += (
        f"; under {names[1]}, the tokenizer with the lowest mean surcharge, {_more(figures.surcharges[fairest, i])}."
    )
    english = figures.over_reference[fairest, figures.languages.index(REFERENCE)]
    ends = times_between(*figures.intervals["over_reference_mean"][:, fairest])
    whole = f"{times(figures.over_reference_mean[fairest])}{f' ({ends})' if ends else ''}"
    text += (
        f" Over all {len(figures.languages)} languages {names[1]} takes {whole} the tokens of {names[0]}, "
        f"in English {times(english)}, in {language} {times(figures.over_reference[fairest, i])}."
    )
    return f'<p class="lead">{text}</p>'


def _more(value: float) -> str:
    return f"{abs(100 * value):.0f}\u00a0% {'more' if value >= 0 else 'fewer'} tokens"


def summary(figures: Figures) -> str:
    """Summarize the tokenizers: cards if they are few, rows of a table if they are many."""
    return _cards(figures) if len(figures.tokenizers) <= CARDS else _ranking(figures)


def _ranks(figures: Figures, t: int) -> str:
    """Give what a script ranks a tokenizer by."""
    mean, tokens = figures.mean[t], figures.prices[t].mean()
    return "" if np.isnan(mean) else f' data-surcharge="{mean:.6f}" data-tokens="{tokens:.6f}"'


def _cards(figures: Figures) -> str:
    cards = []
    for t in _by_surcharge(figures):
        name = f"<span {mark(t, {t})}></span> {breakable(figures.tokenizers[t])}{_flaw(figures, t)}"
        if np.isnan(figures.mean[t]):
            cards.append(f"<li><h3>{name}</h3><p>No mean: see the problems below.</p></li>")
            continue
        several = len(figures.tokenizers) > 1
        tag = ' <span class="tag">lowest mean surcharge</span>' if t == best(figures) and several else ""
        if several and t == figures.base:
            tag += ' <span class="tag plain">reference</span>'
        between = interval(*figures.intervals["surcharge_mean"][:, t])
        cards.append(
            f"<li{_ranks(figures, t)}><h3>{name}{tag}</h3>"
            f'<div class="two"><p><span class="big">{percent(figures.mean[t])}</span>'
            f"mean surcharge{f' ({between})' if between else ''}</p>"
            f'<p><span class="big">{figures.prices[t].mean():.1f}</span>'
            f"tokens per sentence{_against(figures, t)}</p></div>"
            f"<dl><div><dt>Worst surcharge</dt><dd>{percent(figures.worst[t])} {_dearest(figures, t)}</dd></div>"
            f"<div><dt>Nine languages in ten below</dt><dd>{percent(figures.p90[t])}</dd></div>"
            f"<div><dt>Gini (0: all pay alike)</dt><dd>{figures.gini[t]:.3f}</dd></div></dl></li>"
        )
    return f'<ul class="cards" id="ranking">{"".join(cards)}</ul>'


def _against(figures: Figures, t: int) -> str:
    if len(figures.tokenizers) == 1 or t == figures.base:
        return ""
    ends = times_between(*figures.intervals["over_reference_mean"][:, t])
    told = f" ({ends.removeprefix('×')})" if ends else ""
    return f": {times(figures.over_reference_mean[t])} those of {breakable(figures.tokenizers[figures.base])}{told}"


def _ranking(figures: Figures) -> str:
    head = (
        "Tokenizer",
        "Mean surcharge",
        "Tokens per sentence",
        f"× {figures.tokenizers[figures.base]}",
        "Nine in ten below",
        "Worst",
        "Gini",
    )
    longest = max(float(np.nanmax(figures.mean, initial=0.0)), 1e-9)
    rows = []
    for t in _by_surcharge(figures):
        name = escape.html(figures.tokenizers[t])
        cells = ["No mean: see the problems below.", "–", "–", "–", "–", "–"]
        if not np.isnan(figures.mean[t]):
            part = 100 * max(figures.mean[t], 0.0) / longest
            ends = times_between(*figures.intervals["over_reference_mean"][:, t]) if t != figures.base else ""
            cells = [
                f'<span class="bar" style="--w:{part:.1f}%"></span><b>{percent(figures.mean[t])}</b> '
                f"<small>{interval(*figures.intervals['surcharge_mean'][:, t])}</small>",
                f"{figures.prices[t].mean():.1f}",
                f"{times(figures.over_reference_mean[t])} <small>{ends.removeprefix('×')}</small>",
                percent(figures.p90[t]),
                f"{percent(figures.worst[t])} {_dearest(figures, t)}",
                f"{figures.gini[t]:.3f}",
            ]
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr{_ranks(figures, t)}><th scope="row" title="{name}">{name}{_flaw(figures, t)}</th>{row}</tr>')
    titles = "".join(f'<th scope="col">{escape.html(it)}</th>' for it in head)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Summary by tokenizer"><table class="ranking">'
        f'<thead><tr>{titles}</tr></thead><tbody id="ranking">{"".join(rows)}</tbody></table></div>'
    )


def _by_surcharge(figures: Figures) -> list[int]:
    return sorted(range(len(figures.tokenizers)), key=lambda t: np.nan_to_num(figures.mean[t], nan=np.inf))


def _flaw(figures: Figures, t: int) -> str:
    flaw = figures.flaw(t)
    return f' <a class="tag bad" href="#problems">{flaw}</a>' if flaw else ""


def _dearest(figures: Figures, t: int) -> str:
    others = order(figures)
    return escape.html(language_name(figures.languages[max(others, key=lambda i: figures.surcharges[t, i])]))
