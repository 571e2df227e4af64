"""A comparison as one page that needs nothing else: style, script and data are inside.

Without its script the page has the summary, the picture and the table of surcharges; with it the table sorts and shows
any figure, and the distribution, the tokens and the calculator appear.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from importlib import resources
from string import Template
from typing import Any

import numpy as np

from eurotok import escape
from eurotok.output.report.charts import dots, legend
from eurotok.output.report.names import FIGURE_NAMES, MORE_IS_BETTER
from eurotok.output.report.summary import CARDS, best, lead, notice, summary
from eurotok.output.report.writing import breakable, interval, percent
from eurotok.pricing import bootstrap
from eurotok.pricing.measure import token_bytes
from eurotok.pricing.parallel_text import REFERENCE, language_name
from eurotok.pricing.statistics import Figures, Floats

EXAMPLES = 3
"""Sentences that are shown with their tokens."""

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
    shown = _shown_first(figures, best(figures))
    return template.substitute(
        style=(folder / "page.css").read_text(encoding="utf-8"),
        script=(folder / "page.js").read_text(encoding="utf-8"),
        data=escape.script(_data(figures)),
        notice=notice(figures),
        lead=lead(figures),
        summary=summary(figures),
        base=escape.html(figures.tokenizers[figures.base]),
        legend=legend(figures, shown),
        surcharges=dots(figures, shown, "surcharge"),
        tokens=dots(figures, shown, "tokens_per_sentence"),
        table=_table(figures),
        size="few" if len(figures.tokenizers) <= CARDS else "many",
        text=escape.html(figures.text.name),
        source=escape.html(f" {figures.text.source}." if figures.text.source else ""),
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        sentences=f"{figures.sentences:,}",
        languages=len(figures.languages),
        replicates=f"{bootstrap.REPLICATES:,}",
        problems="".join(f"<li>{escape.html(it)}</li>" for it in figures.problems) or "<li>None found.</li>",
        price=f"{figures.price:g}",
    )


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


def _table(figures: Figures) -> str:
    head = "".join(
        f'<th scope="col"><button type="button" data-sort="{t + 1}">{breakable(name)}</button></th>'
        for t, name in enumerate(figures.tokenizers)
    )
    ends = figures.intervals["surcharge"]
    body = []
    for i, language in enumerate(figures.languages):
        cells = "".join(
            f'<td><span class="tokens">{_tokens(price)}</span> {percent(value)}{_small(low, high)}</td>'
            for price, value, low, high in zip(
                figures.prices[:, i], figures.surcharges[:, i], *ends[:, :, i], strict=True
            )
        )
        code, name = escape.html(language), escape.html(language_name(language))
        body.append(f'<tr><th scope="row" data-code="{code}">{name}</th>{cells}</tr>')
    return (
        '<thead><tr><th scope="col" aria-sort="ascending"><button type="button" data-sort="0">Language</button></th>'
        f"{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    )


def _tokens(price: float) -> str:
    return "–" if np.isnan(price) else f"{price:.1f}"


def _small(low: float, high: float) -> str:
    if np.isnan(low) or low == high:
        return " <small></small>"
    return f" <small>{interval(low, high)}</small>"


def _data(figures: Figures) -> dict[str, Any]:
    """Gather what the script needs, in the order of the languages and tokenizers."""
    examples = _examples(figures)
    return {
        "reference": figures.languages.index(REFERENCE),
        "codes": figures.languages,
        "languages": [language_name(it) for it in figures.languages],
        "tokenizers": figures.tokenizers,
        "base": figures.base,
        "fairest": best(figures),
        "figures": [
            {
                "key": key,
                "name": name,
                "about": about,
                "kind": kind,
                "more": key in MORE_IS_BETTER,
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
