"""A comparison as one page that needs nothing else: style, script and data are inside.

Without its script the page has the summary, the picture and the table of surcharges; with it the table sorts and shows
any figure, and the distribution, the tokens and the calculator appear.
"""

from __future__ import annotations

import datetime
from importlib import resources
from string import Template
from typing import Any

import numpy as np

from eurotok import escape
from eurotok.output.layout import NEAR_PART, axis
from eurotok.output.names import KINDS, MORE_IS_BETTER
from eurotok.output.report.charts import dots, legend
from eurotok.output.report.summary import CARDS, best, lead, notice, summary
from eurotok.output.report.tokens import cuts
from eurotok.output.report.wording import HOME, PageLanguage, Wording, breakable, wording
from eurotok.pricing import bootstrap
from eurotok.pricing.measure import token_bytes
from eurotok.pricing.parallel_text import REFERENCE, SAMPLE_NAME, SAMPLE_SOURCE
from eurotok.pricing.statistics import PROBLEMS, Figures, Floats

EXAMPLES = 3
"""Sentences that are shown with their tokens."""

CROWDED = 12
"""Tokenizers above which the printed table leaves out intervals."""

COLOURED = 5
"""Tokenizers that the picture shows in colour before a reader chooses others, if there are more than that."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles of the distribution over sentences that are shown."""


def page(figures: Figures, language: PageLanguage = "en") -> str:
    """Write the page.

    Parameters
    ----------
    figures
        The figures to show.
    language
        In which language it says so.

    Returns
    -------
    str
        HTML that fetches nothing.

    Raises
    ------
    ValueError
        If there are no pages in the language.
    """
    words = wording(language)
    folder = resources.files(__name__)
    template = Template((folder / "page.html").read_text(encoding="utf-8"))
    shown = _shown_first(figures, best(figures))
    surcharges, tokens = (dots(figures, shown, name, words) for name in ("surcharge", "tokens_per_sentence"))
    scripts = ("elements.js", "page.js")
    return template.substitute(
        _texts(figures, words),
        lang=words.language,
        style=(folder / "page.css").read_text(encoding="utf-8"),
        script="".join((folder / name).read_text(encoding="utf-8") for name in scripts),
        data=escape.script(_data(figures, words)),
        notice=notice(figures, words),
        lead=lead(figures, words),
        summary=summary(figures, words),
        legend=legend(figures, shown),
        surcharges=surcharges[0],
        amounts=tokens[0],
        broken_scale=words.texts["page"]["broken"],
        broken=f"<p>{words.texts['page']['broken']}</p>" if surcharges[1] else "",
        broken_amounts=f"<p>{words.texts['page']['broken']}</p>" if tokens[1] else "",
        table=_table(figures, words),
        size="few" if len(figures.tokenizers) <= CARDS else "many" if len(figures.tokenizers) <= CROWDED else "crowd",
        problems=_problems(figures, words),
        price_given=f"{figures.price:g}",
        first_figure=words.texts["figures"]["surcharge"][0],
        first_about=words.texts["figures"]["surcharge"][1],
    )


def _texts(figures: Figures, words: Wording) -> dict[str, str]:
    """Fill in the texts of the page."""
    texts = words.texts["page"]
    source = texts["sample_source"] if figures.text.source == SAMPLE_SOURCE else figures.text.source
    # The user's source may end with a full stop.
    source = f"{source.rstrip('.')}." if source.strip() else texts["no_source"]
    values = {
        "languages": words.number(len(figures.languages)),
        "sentences": words.number(figures.sentences),
        "base": escape.html(figures.tokenizers[figures.base]),
        "text": escape.html(texts["sample"] if figures.text.name == SAMPLE_NAME else figures.text.name),
        "source": escape.html(f" {source}"),
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "replicates": words.number(bootstrap.REPLICATES),
        "home": HOME,
    }
    # `notice` fills in the notes with {enough}; the note of a broken axis stands only where there is one.
    left = {"few_one", "few", "few_more", "broken"}
    return {name: text.format_map(values) for name, text in texts.items() if name not in left}


def _problems(figures: Figures, words: Wording) -> str:
    texts = words.texts.get("problems", PROBLEMS)
    told = [it.told(texts, words.number, words.language_name) for it in figures.findings]
    return "".join(f"<li>{escape.html(it)}</li>" for it in told) or f"<li>{words.texts['page']['no_problems']}</li>"


def check_name(path: str) -> None:
    """Refuse a name that says that the page is something else.

    Raises
    ------
    ValueError
        If it ends in neither `.html` nor `.htm`.
    """
    if not path.lower().endswith((".html", ".htm")):
        raise ValueError(f"{path}: a page must end in .html or .htm; a browser prints it to PDF")


def _shown_first(figures: Figures, fairest: int) -> set[int]:
    """Choose the tokenizers that the picture shows in colour: all if they are few, else the first ones and the best."""
    count = len(figures.tokenizers)
    return set(range(count)) if count <= COLOURED else {*range(COLOURED - 1), figures.base, fairest}


def _table(figures: Figures, words: Wording) -> str:
    language = words.texts["page"]["language"]
    head = "".join(
        f'<th scope="col" data-name="{escape.html(name)}">'
        f'<button type="button" data-sort="{t + 1}">{breakable(name)}</button></th>'
        for t, name in enumerate(figures.tokenizers)
    )
    ends = figures.intervals["surcharge"]
    body = []
    for i, code in enumerate(figures.languages):
        cells = "".join(
            f'<td><span class="tokens">{words.number(price, 1)}</span> '
            f"{words.percent(value)}{_small(low, high, words)}</td>"
            for price, value, low, high in zip(
                figures.prices[:, i], figures.surcharges[:, i], *ends[:, :, i], strict=True
            )
        )
        name = escape.html(words.heading(code))
        body.append(f'<tr><th scope="row" data-code="{escape.html(code)}">{name}</th>{cells}</tr>')
    return (
        f'<thead><tr><th scope="col" data-name="{language}" aria-sort="ascending">'
        f'<button type="button" data-sort="0">{language}</button></th>'
        f"{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    )


def _small(low: float, high: float, words: Wording) -> str:
    if np.isnan(low) or low == high:
        return " <small></small>"
    return f" <small>{words.interval(low, high)}</small>"


def _data(figures: Figures, words: Wording) -> dict[str, Any]:
    """Gather the data for the script, in the order of the languages and tokenizers."""
    examples = _examples(figures)
    quantiles = _quantiles(figures)
    return {
        "language": words.language,
        "texts": words.texts["script"],
        "to": words.texts["form"]["to"],
        "percent": words.texts["form"]["percent"],
        "reference": figures.languages.index(REFERENCE),
        "codes": figures.languages,
        "languages": [words.heading(it) for it in figures.languages],
        "names": [words.language_name(it) for it in figures.languages],
        "tokenizers": figures.tokenizers,
        "base": figures.base,
        "fairest": best(figures),
        "figures": [
            {
                "key": key,
                "name": words.texts["figures"][key][0],
                "about": words.texts["figures"][key][1],
                "kind": kind,
                "more": key in MORE_IS_BETTER,
                "values": _plain(figures.figures[key]),
                "ends": _plain(figures.intervals[key].transpose(1, 2, 0)) if key in figures.intervals else None,
            }
            for key, kind in KINDS.items()
        ],
        "words": [_plain(text.words.mean()) for text in figures.texts],
        "characters": [_plain(text.characters.mean()) for text in figures.texts],
        "quantiles": _plain(quantiles),
        "axes": [_axis(of_tokenizer) for of_tokenizer in quantiles],
        "near": NEAR_PART,
        "sentences": [[text.sentences[s] for text in figures.texts] for s in examples],
        "cuts": [
            [[_cuts(figures, t, i, s) for i in range(len(figures.languages))] for s in examples]
            for t in range(len(figures.tokenizers))
        ],
    }


def _axis(quantiles: Floats) -> dict[str, Any]:
    """Make the axis of the distributions under a tokenizer: shape of `quantiles` (languages, quantiles)."""
    known = quantiles[~np.isnan(quantiles).any(axis=1)]
    made = axis(known[:, -1].tolist(), reach=known[:, 0].tolist())
    return {"ticks": list(made.ticks), "end": made.end}


def _quantiles(figures: Figures) -> Floats:
    """Take quantiles of the surcharge of single sentences: shape (tokenizers, languages, quantiles)."""
    counts = np.where(figures.counts > 0, figures.counts, np.nan).astype(np.float64)
    ratios = counts / counts[:, [figures.languages.index(REFERENCE)]] - 1
    return np.moveaxis(np.quantile(ratios, QUANTILES, axis=2), 0, -1)


def _examples(figures: Figures) -> list[int]:
    """Choose sentences of usual length: their English is nearest to two thirds of the median in bytes."""
    size = figures.texts[figures.languages.index(REFERENCE)].size
    return sorted(np.argsort(np.abs(size - np.median(size) * 2 / 3), kind="stable")[:EXAMPLES].tolist())


def _cuts(figures: Figures, t: int, i: int, s: int) -> list[int | list[int]]:
    encoder, ids, sentence = figures.encoders[t], figures.encoded[t][i].ids, figures.texts[i].sentences[s]
    if ids is None or encoder.token is None or s in figures.usages[t][i].unaligned:
        return []
    return cuts(token_bytes(encoder, ids[s]), sentence)


def _plain(values: Floats) -> Any:  # noqa: ANN401 - lists as deep as the array
    if values.ndim:
        return [_plain(it) for it in values]
    return None if np.isnan(values) else float(f"{values:.5g}")
