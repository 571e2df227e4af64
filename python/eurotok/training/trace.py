"""The history of a vocabulary: the language that won each merge, and prices as the vocabulary grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eurotok import described
from eurotok.corpus import StrPath
from eurotok.files import read_json, write_json

FORMAT = "eurotok trace 1"


@dataclass(frozen=True)
class Trace:
    """A trace of training under fairness or parity.

    Attributes
    ----------
    languages
        The languages that were trained on.
    winners : ndarray of int64, shape (merges,)
        By merge: the place in `languages` of the one that won it, which counted for most of its weight or whose turn it
        was. -1 if this is not known: for merges of all languages together, and for merges before an interruption. A
        merge that makes a known token counts, too, so there may be some more than in the tokenizer.
    merges : ndarray of int64, shape (points,)
        After how many merges prices were noted.
    prices : ndarray of int64, shape (points, languages)
        The price of each language at these points: tokens of its parallel text, or of its training text if there is
        none; 0 for a language without a price.
    """

    languages: tuple[str, ...]
    winners: NDArray[np.int64]
    merges: NDArray[np.int64]
    prices: NDArray[np.int64]

    @staticmethod
    def of(
        languages: Sequence[str], winners: Sequence[int], merges: Sequence[int], prices: Sequence[Sequence[int]]
    ) -> Trace:
        """Make a trace of plain numbers."""
        table = np.array(prices, dtype=np.int64).reshape(len(merges), len(languages))
        return Trace(tuple(languages), np.array(winners, dtype=np.int64), np.array(merges, dtype=np.int64), table)

    @property
    def priced(self) -> NDArray[np.intp]:
        """The places of the languages with a price."""
        return np.flatnonzero(self.prices.any(axis=0)) if len(self.prices) else np.array([], dtype=np.intp)

    def won(self) -> dict[str, int]:
        """Count the merges that each language won."""
        counts = np.bincount(self.winners[self.winners >= 0], minlength=len(self.languages))
        return dict(zip(self.languages, counts.tolist(), strict=True))

    def final(self) -> dict[str, int]:
        """Give the final price of each language that has one."""
        return {self.languages[place]: int(self.prices[-1, place]) for place in self.priced}

    def __repr__(self) -> str:
        points = f"{len(self.merges)} notes of prices"
        return f"Trace({len(self.languages)} languages, {len(self.winners):,} merges, {points})"

    def _repr_html_(self) -> str:
        paid, won = self.final(), self.won()
        rows = [[language, f"{won[language]:,}", f"{paid.get(language, 0):,}"] for language in self.languages]
        return described.table(["language", "merges won", "tokens in the end"], rows, repr(self))

    def save(self, path: StrPath) -> None:
        """Write the trace as JSON, whole or not at all."""
        content = {
            "languages": self.languages,
            "winners": self.winners.tolist(),
            "merges": self.merges.tolist(),
            "prices": self.prices.tolist(),
        }
        write_json(path, FORMAT, content)

    @staticmethod
    def load(path: StrPath) -> Trace:
        """Read a trace that `save` wrote.

        Raises
        ------
        OSError
            If the file cannot be read.
        FormatError
            If it is not a trace.
        """
        keys = ("languages", "winners", "merges", "prices")
        return read_json(path, FORMAT, "trace", lambda data: Trace.of(*(data[key] for key in keys)))
