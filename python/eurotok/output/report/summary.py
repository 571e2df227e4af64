"""The head of the page: the finding in a sentence, and each tokenizer in a few figures."""

from __future__ import annotations

import numpy as np

from eurotok import escape
from eurotok.output.plots import order
from eurotok.output.report.charts import mark
from eurotok.output.report.wording import Wording, breakable
from eurotok.pricing.parallel_text import REFERENCE
from eurotok.pricing.statistics import ENOUGH, Figures

CARDS = 4
"""Tokenizers up to which each has a card; more are rows of a table."""


def best(figures: Figures) -> int:
    """Give the number of the tokenizer with the lowest mean surcharge."""
    return int(np.nanargmin(figures.mean)) if not np.isnan(figures.mean).all() else 0


def notice(figures: Figures, words: Wording) -> str:
    """Say before anything else that there are too few sentences, if there are."""
    if figures.sentences >= ENOUGH:
        return ""
    kind = "few_one" if figures.sentences == 1 else "few"
    few = words.say("page", kind, sentences=words.number(figures.sentences))
    more = words.say("page", "few_more", enough=words.number(ENOUGH))
    return f'<p class="notice" role="note"><strong>{few}</strong> {more}</p>'


def lead(figures: Figures, words: Wording) -> str:
    """State the finding: the most expensive language under the reference, beside the fairest tokenizer.

    Then the tokens of English and of all languages under the two, since a surcharge alone does not say who pays more.
    """
    base, fairest = figures.base, best(figures)
    if np.isnan(figures.mean[base]):
        return ""
    i = max(order(figures), key=lambda i: figures.surcharges[base, i])
    names = {
        "base": f"<strong>{escape.html(figures.tokenizers[base])}</strong>",
        "fairest": f"<strong>{escape.html(figures.tokenizers[fairest])}</strong>",
        "language": escape.html(words.language_name(figures.languages[i])),
    }

    def more(name: str, value: float) -> str:
        kind = f"{name}_{'more' if value >= 0 else 'fewer'}"
        return words.say("summary", kind, value=words.share(value), **names)

    text = more("lead", figures.surcharges[base, i])
    if fairest == base:
        return f'<p class="lead">{text}.</p>'
    text += more("fairest", figures.surcharges[fairest, i])
    ends = words.times_between(*figures.intervals["over_reference_mean"][:, fairest])
    text += " " + words.say(
        "summary",
        "tokens",
        count=words.number(len(figures.languages)),
        whole=f"{words.times(figures.over_reference_mean[fairest])}{f' ({ends})' if ends else ''}",
        english=words.times(figures.over_reference[fairest, figures.languages.index(REFERENCE)]),
        there=words.times(figures.over_reference[fairest, i]),
        **names,
    )
    return f'<p class="lead">{text}</p>'


def summary(figures: Figures, words: Wording) -> str:
    """Summarize the tokenizers: cards if they are few, rows of a table if they are many."""
    return _cards(figures, words) if len(figures.tokenizers) <= CARDS else _ranking(figures, words)


def _ranks(figures: Figures, t: int) -> str:
    """Give the figures by which the script ranks a tokenizer."""
    mean, tokens = figures.mean[t], figures.prices[t].mean()
    return "" if np.isnan(mean) else f' data-surcharge="{mean:.6f}" data-tokens="{tokens:.6f}"'


def _cards(figures: Figures, words: Wording) -> str:
    texts = words.texts["summary"]
    cards = []
    for t in _by_surcharge(figures):
        name = f"<span {mark(t, {t})}></span> {breakable(figures.tokenizers[t])}{_flaw(figures, t, words)}"
        if np.isnan(figures.mean[t]):
            cards.append(f"<li><h3>{name}</h3><p>{texts['no_mean']}</p></li>")
            continue
        several = len(figures.tokenizers) > 1
        tag = f' <span class="tag">{texts["lowest"]}</span>' if t == best(figures) and several else ""
        if several and t == figures.base:
            tag += f' <span class="tag plain">{texts["reference"]}</span>'
        between = words.interval(*figures.intervals["surcharge_mean"][:, t])
        cards.append(
            f"<li{_ranks(figures, t)}><h3>{name}{tag}</h3>"
            f'<div class="two"><p><span class="big">{words.percent(figures.mean[t])}</span>'
            f"{texts['mean']}{f' ({between})' if between else ''}</p>"
            f'<p><span class="big">{words.number(figures.prices[t].mean(), 1)}</span>'
            f"{texts['sentence']}{_against(figures, t, words)}</p></div>"
            f"<dl><div><dt>{texts['worst']}</dt>"
            f"<dd>{words.percent(figures.worst[t])} {_dearest(figures, t, words)}</dd></div>"
            f"<div><dt>{texts['p90']}</dt><dd>{words.percent(figures.p90[t])}</dd></div>"
            f"<div><dt>{texts['gini']}</dt><dd>{words.number(figures.gini[t], 3)}</dd></div></dl></li>"
        )
    return f'<ul class="cards" id="ranking">{"".join(cards)}</ul>'


def _against(figures: Figures, t: int, words: Wording) -> str:
    if len(figures.tokenizers) == 1 or t == figures.base:
        return ""
    ends = words.times_between(*figures.intervals["over_reference_mean"][:, t])
    told = f" ({ends.removeprefix('×')})" if ends else ""
    base, times = breakable(figures.tokenizers[figures.base]), words.times(figures.over_reference_mean[t])
    return f", {words.say('summary', 'against', times=times, base=base)}{told}"


def _ranking(figures: Figures, words: Wording) -> str:
    texts = words.texts["summary"]
    head = [*texts["head"][:3], f"× {figures.tokenizers[figures.base]}", *texts["head"][3:]]
    longest = max(float(np.nanmax(figures.mean, initial=0.0)), 1e-9)
    rows = []
    for t in _by_surcharge(figures):
        name = escape.html(figures.tokenizers[t])
        cells = [texts["no_mean"], "–", "–", "–", "–", "–"]
        if not np.isnan(figures.mean[t]):
            part = 100 * max(figures.mean[t], 0.0) / longest
            ends = words.times_between(*figures.intervals["over_reference_mean"][:, t]) if t != figures.base else ""
            cells = [
                f'<span class="bar" style="--w:{part:.1f}%"></span><b>{words.percent(figures.mean[t])}</b> '
                f"<small>{words.interval(*figures.intervals['surcharge_mean'][:, t])}</small>",
                words.number(figures.prices[t].mean(), 1),
                f"{words.times(figures.over_reference_mean[t])} <small>{ends.removeprefix('×')}</small>",
                words.percent(figures.p90[t]),
                f"{words.percent(figures.worst[t])} {_dearest(figures, t, words)}",
                words.number(figures.gini[t], 3),
            ]
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        flaw = _flaw(figures, t, words)
        rows.append(f'<tr{_ranks(figures, t)}><th scope="row" title="{name}">{name}{flaw}</th>{row}</tr>')
    titles = "".join(f'<th scope="col">{escape.html(it)}</th>' for it in head)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{texts["label"]}"><table class="ranking">'
        f'<thead><tr>{titles}</tr></thead><tbody id="ranking">{"".join(rows)}</tbody></table></div>'
    )


def _by_surcharge(figures: Figures) -> list[int]:
    return sorted(range(len(figures.tokenizers)), key=lambda t: np.nan_to_num(figures.mean[t], nan=np.inf))


def _flaw(figures: Figures, t: int, words: Wording) -> str:
    flaw = figures.flaw(t)
    return f' <a class="tag bad" href="#problems">{words.texts["summary"][flaw]}</a>' if flaw else ""


def _dearest(figures: Figures, t: int, words: Wording) -> str:
    others = order(figures)
    dearest = max(others, key=lambda i: figures.surcharges[t, i])
    return escape.html(words.language_name(figures.languages[dearest]))
