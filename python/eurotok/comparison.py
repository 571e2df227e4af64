"""Prices of languages under tokenizers, side by side."""

from __future__ import annotations

import itertools
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from eurotok import described, escape
from eurotok.corpus import StrPath
from eurotok.files import replacing
from eurotok.literals import Errors, Scheme
from eurotok.loading import models
from eurotok.output import plots, report, tables
from eurotok.output.names import KINDS, PageLanguage
from eurotok.output.report.wording import wording
from eurotok.output.tables import GREEN, RED, YELLOW, Cell, between, grade, signed_percent
from eurotok.pricing import stored
from eurotok.pricing.adapters import Encoded, Encoder, encoder_of, run
from eurotok.pricing.measure import Text, Usage, usages
from eurotok.pricing.parallel_text import REFERENCE, Parallel, load_parallel
from eurotok.pricing.statistics import Figures, Floats
from eurotok.pricing.steering import SteeredWarning
from eurotok.progress import Report, reporting
from eurotok.sequences import several

Parts = tuple[tuple[str, ...], str]
"""The parts of a cell (a price, its ratio and surcharge, the interval of each), and its style."""

_surcharge_style = grade(0.15, 0.40)
_ratio_style = grade(1.005, 1.10)


def _style(extra: float, times: float = 1.0) -> str:
    """Grade a surcharge by itself and by its tokens over those of the reference: the worse of the two."""
    styles = _surcharge_style(extra), GREEN if np.isnan(times) else _ratio_style(times)
    return max(styles, key=(GREEN, YELLOW, RED).index)


class Comparison(Figures):
    """The figures of a comparison, and ways to read them: as a table, as data, as a page, as a picture.

    It is pickled if its tokenizers are eurotok's. Those of other libraries are functions here, which pickle refuses:
    `to_json` keeps the figures of these.
    """

    def table(self, *, width: int = 100, colours: bool = False, figure: str = "surcharge") -> str:
        """Set the prices as a table for a terminal.

        A cell has the tokens per sentence, these over the tokens under the reference tokenizer, and the surcharge over
        English, the last two with their 95 % intervals. If that is wider than the terminal: a table with a row a
        tokenizer, and one with the same figures by language without their intervals.

        Parameters
        ----------
        width
            Width of the terminal in characters.
        colours
            Whether to colour the surcharges.
        figure
            Another figure to set instead, by its name in `figures`.

        Raises
        ------
        ValueError
            If there is no such figure.
        """
        head, rows = self._cells(figure)
        head = [tables.shorten(name, 28) for name in head]
        full = tables.table(head, rows, width=sys.maxsize, colours=colours)
        if tables.width_of(full) > width:
            brief = [self._overview(width), self._without_intervals()] if figure == "surcharge" else [(head, rows)]
            full = "\n\n".join(tables.table(*each, width=width, colours=colours) for each in brief)
        return full + "\n\n" + "\n".join(tables.fill(note, width) for note in self._notes(figure))

    def to_markdown(self, path: StrPath | None = None, figure: str = "surcharge") -> str:
        """Write the same table in Markdown; to a file, too, if there is a path."""
        head, rows = self._cells(figure)
        escaped = [[(escape.markdown(text), style) for text, style in row] for row in rows]
        table = tables.markdown([escape.markdown(name) for name in head], escaped)
        return _written(table + "\n" + "\n\n".join(map(escape.markdown, self._notes(figure))) + "\n", path)

    def to_latex(self, path: StrPath | None = None, figure: str = "surcharge") -> str:
        """Write the same table in LaTeX, for the package booktabs; to a file, too, if there is a path."""
        rows = [[parts for parts, _ in row] for row in self._rows(figure)]
        return _written(tables.latex(["", *self.tokenizers], rows, caption=" ".join(self._notes(figure))), path)

    def to_html(self, path: StrPath | None = None, language: PageLanguage = "en") -> str:
        """Write everything as one page that needs nothing else; to a file, too, if there is a path.

        Parameters
        ----------
        path
            Ends in `.html` or `.htm`.
        language
            That of the page: `"en"`, `"fr"` or `"de"`.

        Raises
        ------
        ValueError
            If the path ends otherwise, or there are no pages in the language.
        """
        if path is not None:
            report.check_name(os.fspath(path))
        return _written(report.page(self, language), path)

    def picture(self, path: StrPath) -> None:
        """Draw the surcharges by language.

        Parameters
        ----------
        path
            Ends in `.svg`, or in `.png`, which needs matplotlib (`eurotok[plots]`).

        Raises
        ------
        ValueError
            If the name ends otherwise.
        ImportError
            If matplotlib is needed and not installed.
        OSError
            If the file cannot be written.
        """
        data = plots.draw(plots.surcharges(self), os.fspath(path))
        with replacing(path) as file:
            file.write(data)

    def _notes(self, figure: str) -> list[str]:
        if figure == "surcharge":
            return self.notes()
        name, about = wording().texts["figures"][figure]
        ends = " In brackets 95 % intervals (paired bootstrap over sentences)." if figure in self.intervals else ""
        return [f"{name}: {about} {self.sentences:,} sentences, {self.text.name}.{ends}", *self.problems]

    def _cells(self, figure: str) -> tuple[list[str], list[list[Cell]]]:
        """Set the table of a figure, a column a tokenizer."""
        rows = self._rows(figure)
        widths = [
            [max(map(len, parts)) for parts in zip(*(row[1 + t][0] for row in rows if row), strict=True)]
            for t in range(len(self.tokenizers))
        ]

        def joined(part: Parts, widths: Sequence[int]) -> Cell:
            return " ".join(text.rjust(width) for text, width in zip(part[0], widths, strict=True)), part[1]

        head = ["", *self.tokenizers]
        return head, [[(row[0][0][0], ""), *map(joined, row[1:], widths)] if row else [] for row in rows]

    def _rows(self, figure: str) -> list[list[Parts]]:
        """Give the name of each row, and the parts of its cells, the same number in all; an empty row is a rule."""
        if figure not in KINDS:
            raise ValueError(f"no figure {figure!r}; there is {', '.join(KINDS)}")
        return self._price_rows() if figure == "surcharge" else self._value_rows(figure)

    def _value_rows(self, figure: str) -> list[list[Parts]]:
        kind = KINDS[figure]
        values, ends = self.figures[figure], self.intervals.get(figure)

        def write(value: float) -> str:
            if np.isnan(value):
                return "–"
            return f"{100 * value:.1f} %" if kind == "share" else f"{value:,.0f}" if kind == "whole" else f"{value:.2f}"

        def parts(value: float, *ends: float) -> Parts:
            interval = "" if not ends or np.isnan(ends).any() else f"[{', '.join(map(write, ends))}]"
            return (write(value), interval) if bounds is not None else (write(value),), ""

        bounds = ends.transpose(1, 2, 0) if ends is not None else None
        rows = [
            [
                ((language,), ""),
                *(parts(values[t, i], *(() if bounds is None else bounds[t, i])) for t in self._numbers),
            ]
            for i, language in enumerate(self.languages)
        ]
        return [*rows, [], [(("mean",), ""), *map(parts, values.mean(axis=1))]]

    def _price_rows(self) -> list[list[Parts]]:
        prices, ends, ratios = self.prices, self.intervals, self.over_reference
        nothing = np.full(2, np.nan)

        def parts(
            t: int, price: float, extra: float, bounds: Floats, times: float = np.nan, of_times: Floats = nothing
        ) -> Parts:
            against = () if t == self.base else (_times(times), _between_times(*of_times))
            if np.isnan(price):
                return ("failed", *("" for _ in against), "", ""), ""
            if np.isnan(extra):
                return (f"{price:.1f}", *against, "", ""), ""
            return (f"{price:.1f}", *against, signed_percent(extra), between(*bounds)), _style(extra, times)

        def row(i: int, language: str) -> list[Parts]:
            extra = np.full(len(prices), np.nan) if language == REFERENCE else self.surcharges[:, i]
            bounds, of_times = ends["surcharge"][:, :, i], ends["over_reference"][:, :, i]
            cells = [
                parts(t, prices[t, i], extra[t], bounds[:, t], ratios[t, i], of_times[:, t]) for t in self._numbers
            ]
            return [((language,), ""), *cells]

        rows: list[list[Parts]] = [*itertools.starmap(row, enumerate(self.languages)), []]
        means = zip(
            self._numbers,
            prices.mean(axis=1),
            self.mean,
            ends["surcharge_mean"].T,
            self.over_reference_mean,
            ends["over_reference_mean"].T,
            strict=True,
        )
        rows.append([(("mean",), ""), *itertools.starmap(parts, means)])
        over = {
            "p90": (np.quantile(prices, 0.9, axis=1), self.p90, ends["surcharge_p90"]),
            "worst": (prices.max(axis=1), self.worst, ends["surcharge_worst"]),
        }
        for name, (price, extra, bounds) in over.items():
            rows.append(
                [((name,), ""), *(parts(*it) for it in zip(self._numbers, price, extra, bounds.T, strict=True))]
            )
        gini = ["failed" if np.isnan(value) else f"{value:.3f}" for value in self.gini]
        blank = [("",) * (2 if t == self.base else 4) for t in self._numbers]
        return [*rows, [(("Gini",), ""), *(((value, *rest), "") for value, rest in zip(gini, blank, strict=True))]]

    @property
    def _numbers(self) -> range:
        return range(len(self.tokenizers))

    def _overview(self, width: int) -> tuple[list[str], list[list[Cell]]]:
        """Give a row a tokenizer, by the numbers that stand over the columns of `_without_intervals`."""
        several = len(self.tokenizers) > 1
        room = min(max(width - (83 if several else 62), 12), 40)  # the other columns take 83 or 62 at most

        def row(t: int) -> list[Cell]:
            name = (f"{t + 1:>2} {tables.shorten(self.tokenizers[t], room)}", "")
            if np.isnan(self.mean[t]):
                return [name, ("failed", ""), *[("", "")] * (5 if several else 4)]
            others = [i for i, language in enumerate(self.languages) if language != REFERENCE]
            worst = self.languages[max(others, key=lambda i: self.surcharges[t, i])]
            ends = between(*self.intervals["surcharge_mean"][:, t])
            times, bounds = self.over_reference_mean[t], self.intervals["over_reference_mean"][:, t]
            against = "" if t == self.base else f"{_times(times)} {_between_times(*bounds):>12}".rstrip()
            return [
                name,
                (f"{self.prices[t].mean():.1f}", ""),
                *([(against, "")] if several else []),
                (f"{signed_percent(self.mean[t])} {ends:>12}".rstrip(), _style(self.mean[t], times)),
                (signed_percent(self.p90[t]), _surcharge_style(self.p90[t])),
                (f"{signed_percent(self.worst[t])} {worst}", _surcharge_style(self.worst[t])),
                (f"{self.gini[t]:.3f}", ""),
            ]

        head = ["", "tokens", *([f"× {self.base + 1}"] if several else []), "mean surcharge", "p90", "worst", "Gini"]
        return head, [row(t) for t in self._numbers]

    def _without_intervals(self) -> tuple[list[str], list[list[Cell]]]:
        """Give tokens, their ratio to the reference and surcharge by language, a column a tokenizer."""

        def parts(t: int, i: int) -> tuple[str, ...]:
            price, extra = self.prices[t, i], self.surcharges[t, i]
            if np.isnan(price):
                return ("failed", *(() if t == self.base else ("",)), "")
            shown = "" if np.isnan(extra) or self.languages[i] == REFERENCE else signed_percent(extra)
            return (f"{price:.1f}", *(() if t == self.base else (_times(self.over_reference[t, i]),)), shown)

        made = [[parts(t, i) for t in self._numbers] for i in range(len(self.languages))]
        widths = [[max(map(len, each)) for each in zip(*column, strict=True)] for column in zip(*made, strict=True)]
        rows: list[list[Cell]] = []
        for i, language in enumerate(self.languages):
            row: list[Cell] = [(language, "")]
            for t, each in enumerate(made[i]):
                style = "" if not each[-1] else _style(self.surcharges[t, i], self.over_reference[t, i])
                row.append((" ".join(it.rjust(width) for it, width in zip(each, widths[t], strict=True)), style))
            rows.append(row)
        return ["", *(str(t + 1) for t in self._numbers)], rows

    def to_dict(self) -> dict[str, Any]:
        """Give the figures as plain data, as `to_json` writes them; None for what is not known."""
        figures, ends = self.figures, self.intervals
        over = {
            "surcharge_mean": self.mean,
            "over_reference_mean": self.over_reference_mean,
            "surcharge_p90": self.p90,
            "surcharge_worst": self.worst,
            "gini": self.gini,
            "vocabulary_used": self.vocabulary_used,
        }

        def by_language(values: Floats) -> dict[str, Any]:
            return dict(zip(self.languages, _plain(values), strict=True))

        return {
            "text": self.text.name,
            "sentences": self.sentences,
            "reference": REFERENCE,
            "reference_tokenizer": self.tokenizers[self.base],
            "missing": list(self.text.missing),
            "problems": list(self.problems),
            "price_per_million_tokens": self.price,
            "context": self.context,
            "tokenizers": [
                {
                    "name": name,
                    "vocab_size": encoder.vocab_size,
                    **{each: by_language(values[t]) for each, values in figures.items() if each not in over},
                    **{each: _plain(values[t]) for each, values in over.items()},
                    "vocabulary_used_by_language": by_language(figures["vocabulary_used"][t]),
                    "intervals": {
                        each: _plain(values[:, t]) if values.ndim == 2 else by_language(values[:, t].T)
                        for each, values in ends.items()
                    },
                }
                for t, (name, encoder) in enumerate(zip(self.tokenizers, self.encoders, strict=True))
            ],
        }

    def to_json(self, path: StrPath | None = None) -> str:
        """Write the figures as JSON; to a file, too, if there is a path."""
        return _written(escape.json_text(self.to_dict(), indent=2) + "\n", path)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        names = ", ".join(tables.shorten(name, 28) for name in self.tokenizers[:4])
        more = f", and {len(self.tokenizers) - 4} more" if len(self.tokenizers) > 4 else ""
        size = f"{len(self.languages)} languages, {self.sentences:,} sentences"
        return f"Comparison([{names}{more}], {size}, {self.text.name!r})"

    def _repr_html_(self) -> str:
        head, rows = self._cells("surcharge")
        table = described.table(head, [[text for text, _ in row] for row in rows if row])
        return table + "".join(f"<p>{escape.html(note)}</p>" for note in self.notes())


def compare(
    tokenizers: Sequence[object] | Mapping[str, object] | None = None,
    text: Parallel | None = None,
    *,
    languages: Iterable[str] | Literal["all"] | None = None,
    errors: Errors = "strict",
    scheme: Scheme | None = None,
    reference: object | None = None,
    source: str = "",
    price: float = 1.0,
    context: int = 128_000,
    progress: bool | Report = False,
) -> Comparison:
    """Price the languages of a parallel text under tokenizers.

    Parameters
    ----------
    tokenizers
        What to compare, perhaps by name: each a `Tokenizer`, a name or file as for `eurotok.load` (`"gpt-4o"`, or
        with a label `"ours=tokenizer.json"`), an object with a method `encode`, or a function of a text that gives its
        tokens or their number; see `eurotok.pricing.adapters.encoder_of`. Tokens that a library adds at the ends of a
        text are not counted. By default the shipped tokenizers, and on the embedded sample o200k_base, which GPT-4o
        has, by stored figures.
    text
        Parallel text (see `eurotok.pricing.parallel_text.load_parallel`): a folder, files or sentences by language, or
        such a text; by default the embedded sample.
    languages
        Which languages to price, or `"all"`; by default the official ones of the European Union, or those of a dict.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.
    scheme
        Splitting rule of `.tiktoken` files that state none and are not known by their content: a name or a regex.
    reference
        The tokenizer that the others are set against: one of `tokenizers`, by its name or as it is given there, or
        another one, which then comes first. By default the first of them.
    source
        Where the text is from, of which year and under which licence, for the page.
    price
        Money for a million tokens, in any currency, for the cost of a million words.
    context
        Length of a context in tokens, for the words that fit into it.
    progress
        Whether to show the progress on a terminal, or a function of (stage, done, total) to call.

    Returns
    -------
    Comparison

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If there is nothing to compare, a tokenizer fails on every sentence, or a file is at fault: `FormatError`,
        `CorpusError` and the like.

    Warns
    -----
    SteeredWarning
        If the text steered the training of a tokenizer.

    Examples
    --------
    >>> def utf8(sentence): return list(sentence.encode())
    >>> comparison = compare([utf8])
    >>> comparison.prices.shape
    (1, 24)
    """
    if tokenizers is None:
        tokenizers = [*([stored.encoder()] if text is None else []), *models()]
    named: list[tuple[str | None, object]]
    if isinstance(tokenizers, Mapping):
        named = list(tokenizers.items())
    else:
        named = [(None, each) for each in several("tokenizers", tokenizers)]
    base = 0 if reference is None else _place(reference, named)
    if base < 0:
        named, base = [(None, reference), *named], 0
    contenders = [(name, tokenizer, encoder_of(tokenizer, scheme)) for name, tokenizer in named]
    if not contenders:
        raise ValueError("there is no tokenizer to compare")
    if not price >= 0 or context < 1:
        raise ValueError(f"a price of {price} for a million tokens, and a context of {context}")
    text = load_parallel(text, languages, errors)
    if source:
        text = replace(text, source=source)
    names = _distinct([(name or encoder.name, tokenizer) for name, tokenizer, encoder in contenders])
    encoders = tuple(encoder for _, _, encoder in contenders)
    texts = tuple(Text(text.sentences[language]) for language in text.languages)
    with reporting(progress) as report:
        encoded, seen = zip(*_measured(encoders, texts, report), strict=True)
    for name, row in zip(names, encoded, strict=True):
        if all(len(result.failures) == len(result.counts) for result in row):
            raise ValueError(f"{name} fails on every sentence: {row[0].failures[0]}")
    counts = np.array([[result.counts for result in row] for row in encoded])
    comparison = Comparison(names, text, counts, encoders, texts, encoded, seen, price, context, base)
    for sentence in comparison.steered:
        warnings.warn(sentence, SteeredWarning, stacklevel=2)
    return comparison


def _measured(
    encoders: Sequence[Encoder], texts: Sequence[Text], report: Report | None
) -> list[tuple[tuple[Encoded, ...], tuple[Usage, ...]]]:
    """Encode texts and count what is in them, with several tokenizers at a time if they are made for that."""

    def measured(encoder: Encoder) -> tuple[tuple[Encoded, ...], tuple[Usage, ...]]:
        encoded = tuple(run(encoder, text.sentences) for text in texts)
        return encoded, usages(texts, encoder, encoded)

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        # Tokenizers that list their tokens come from libraries that allow threads; a user's function may not.
        pending = {id(it): pool.submit(measured, it) for it in encoders if it.token is not None}
        results = []
        for encoder in encoders:
            results.append(pending[id(encoder)].result() if id(encoder) in pending else measured(encoder))
            if report is not None:
                report("comparing", len(results), len(encoders))
        return results
    finally:
        pool.shutdown(cancel_futures=True)


def _place(reference: object, named: Sequence[tuple[str | None, object]]) -> int:
    """Give the number of the reference among tokenizers, -1 if it is none of them."""
    names = [place for place, (name, _) in enumerate(named) if name is not None and name == reference]
    return next(iter([*names, *(place for place, (_, it) in enumerate(named) if _same(it, reference))]), -1)


def _same(one: object, other: object) -> bool:
    if isinstance(one, (str, os.PathLike)) and isinstance(other, (str, os.PathLike)):
        return os.fspath(one) == os.fspath(other)
    return one is other


def _times(value: float) -> str:
    """Write a ratio; nothing if it is not known."""
    return "" if np.isnan(value) else f"×{value:.2f}"


def _between_times(low: float, high: float) -> str:
    return "" if np.isnan(low) or np.isnan(high) else f"[{low:.2f}, {high:.2f}]"


def _distinct(named: Sequence[tuple[str, object]]) -> tuple[str, ...]:
    """Tell tokenizers of the same name apart: files by their whole path, others by a number."""
    names = [name for name, _ in named]
    paths = [
        os.fspath(it) if names.count(name) > 1 and isinstance(it, (str, os.PathLike)) else name for name, it in named
    ]
    return tuple(
        f"{name} ({paths[: place + 1].count(name)})" if paths.count(name) > 1 else name
        for place, name in enumerate(paths)
    )


def _plain(values: Floats) -> Any:  # noqa: ANN401 - a number or lists of them, as deep as the array
    """Make plain numbers, and None of NaN."""
    if values.ndim:
        return [_plain(each) for each in values]
    return None if np.isnan(values) else float(values)


def _written(text: str, path: StrPath | None) -> str:
    if path is not None:
        with replacing(path) as file:
            file.write(text.encode())
    return text
