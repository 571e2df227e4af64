"""Prices of languages under tokenizers, side by side."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eurotok import metrics
from eurotok.corpus import StrPath
from eurotok.files import replacing
from eurotok.prices import REFERENCE, ParallelText, count_tokens, counter_of, load_parallel
from eurotok.tables import Cell, grade, signed_percent, table

_surcharge_style = grade(0.15, 0.40)


@dataclass(frozen=True)
class Comparison:
    """Tokens that each tokenizer spends on the same sentences in each language.

    Attributes
    ----------
    tokenizers
        Names of the tokenizers.
    text
        The sentences.
    counts
        int64, shape (tokenizers, languages, sentences): tokens of each sentence; the languages as in `text.languages`.
    """

    tokenizers: tuple[str, ...]
    text: ParallelText
    counts: NDArray[np.int64]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, in alphabetical order."""
        return self.text.languages

    @property
    def prices(self) -> NDArray[np.float64]:
        """Tokens per sentence: shape (tokenizers, languages)."""
        return metrics.tokens_per_sentence(self.counts)

    @property
    def surcharges(self) -> NDArray[np.float64]:
        """Surcharge over English under the same tokenizer: shape (tokenizers, languages), 0.25 is a quarter dearer."""
        english = self.languages.index(REFERENCE)
        return metrics.surcharge(self.prices, self.prices[:, [english]])

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean surcharge of the languages other than English: shape (tokenizers,); NaN if there are none."""
        others = self._others()
        return others.mean(axis=1) if others.size else np.full(len(others), np.nan)

    @property
    def worst(self) -> NDArray[np.float64]:
        """Largest surcharge of the languages other than English: shape (tokenizers,); NaN if there are none."""
        others = self._others()
        return others.max(axis=1) if others.size else np.full(len(others), np.nan)

    @property
    def gini(self) -> NDArray[np.float64]:
        """Gini coefficient of the prices of all languages, English too: shape (tokenizers,)."""
        return metrics.gini(self.prices)

    def _others(self) -> NDArray[np.float64]:
        return self.surcharges[:, [lang != REFERENCE for lang in self.languages]]

    def table(self, *, width: int = 100, colours: bool = False) -> str:
        """Set the prices as a table for a terminal: tokens per sentence, and the surcharge over English.

        Parameters
        ----------
        width
            Width of the terminal in characters.
        colours
            Whether to colour the surcharges.
        """
        rows: list[list[Cell]] = []
        prices, surcharges = self.prices, self.surcharges
        for column, language in enumerate(self.languages):
            row: list[Cell] = [(language, "")]
            for price, extra in zip(prices[:, column], surcharges[:, column], strict=True):
                row.append((f"{price:.1f} {_surcharge(extra, language == REFERENCE)}", _surcharge_style(extra)))
            rows.append(row)
        rows.append([])
        rows.append([("mean", ""), *self._summary(prices.mean(axis=1), self.mean)])
        rows.append([("worst", ""), *self._summary(prices.max(axis=1), self.worst)])
        rows.append([("Gini", ""), *((f"{value:.3f}{'':7}", "") for value in self.gini)])
        sentences = self.counts.shape[2]
        note = f"Tokens per sentence and surcharge over English; {sentences:,} sentences, {self.text.name}."
        note += "\nThe mean and the worst surcharge leave English out."
        if self.text.missing:
            note += f"\nNot in the text: {', '.join(self.text.missing)}."
        return table(["", *self.tokenizers], rows, width=width, colours=colours) + "\n\n" + note

    @staticmethod
    def _summary(prices: NDArray[np.float64], surcharges: NDArray[np.float64]) -> list[Cell]:
        return [
            (f"{price:.1f} {_surcharge(extra, False)}", _surcharge_style(extra))
            for price, extra in zip(prices, surcharges, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Give the figures as plain data, as `to_json` writes them."""
        figures = zip(self.tokenizers, self.prices, self.surcharges, self.mean, self.worst, self.gini, strict=True)
        return {
            "text": self.text.name,
            "sentences": self.counts.shape[2],
            "reference": REFERENCE,
            "missing": list(self.text.missing),
            "tokenizers": [
                {
                    "name": name,
                    "tokens_per_sentence": dict(zip(self.languages, prices.tolist(), strict=True)),
                    "surcharge": dict(zip(self.languages, surcharges.tolist(), strict=True)),
                    "surcharge_mean": None if np.isnan(mean) else float(mean),
                    "surcharge_worst": None if np.isnan(worst) else float(worst),
                    "gini": float(gini),
                }
                for name, prices, surcharges, mean, worst, gini in figures
            ],
        }

    def to_json(self, path: StrPath | None = None) -> str:
        """Write the figures as JSON; to a file, too, if there is a path."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        if path is not None:
            with replacing(path) as file:
                file.write(text.encode())
        return text

    def __str__(self) -> str:
        return self.table()


def compare(
    tokenizers: Sequence[object] | Mapping[str, object],
    text: StrPath | ParallelText | None = None,
    *,
    languages: Iterable[str] | Literal["all"] | None = None,
    errors: str = "strict",
) -> Comparison:
    """Price the languages of a parallel text under tokenizers.

    Parameters
    ----------
    tokenizers
        What to compare, perhaps by name: each a `Tokenizer`, a file that `eurotok.load` reads, an object with a method
        `encode`, or a function of a text that gives its tokens or their number.
    text
        A folder of parallel text (see `eurotok.prices.load_parallel`), or such a text; by default the embedded sample.
    languages
        Which languages to price, or `"all"`; by default the official ones of the European Union.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.

    Returns
    -------
    Comparison

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If there is nothing to compare, or a file is at fault: `FormatError`, `CorpusError` and the like.

    Examples
    --------
    >>> def utf8(sentence): return len(sentence.encode())
    >>> comparison = compare([utf8])
    >>> comparison.prices.shape
    (1, 24)
    """
    named: Iterable[tuple[str | None, object]]
    named = tokenizers.items() if isinstance(tokenizers, Mapping) else [(None, each) for each in tokenizers]
    counters = []
    for name, tokenizer in named:
        known_as, counter = counter_of(tokenizer)
        counters.append((name or known_as, tokenizer, counter))
    if not counters:
        raise ValueError("there is no tokenizer to compare")
    if not isinstance(text, ParallelText):
        text = load_parallel(text, languages, errors)
    names = _distinct([(name, tokenizer) for name, tokenizer, _ in counters])
    counts = np.stack([count_tokens(text, counter) for _, _, counter in counters])
    return Comparison(names, text, counts)


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


def _surcharge(value: float, is_reference: bool) -> str:
    if is_reference or np.isnan(value):
        return f"{'':6}"
    return f"{signed_percent(value):>6}"
