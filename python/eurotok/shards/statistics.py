"""`stats` and `head`: the contents of a folder of shards by language, and its first documents."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eurotok import _core
from eurotok.corpus import StrPath
from eurotok.loading import load as load_tokenizer
from eurotok.output.layout import ticks
from eurotok.output.plots import COLOURS, FAINT, MARGIN, Label, Line, Mark, Scene, draw
from eurotok.output.tables import table
from eurotok.shards.dataset import Dataset
from eurotok.shards.planning import kept_tokenizer
from eurotok.tokenizer import Tokenizer
from eurotok.vocabulary import text_of

LONGEST = 1 << 20
"""Ids to which lengths are counted one by one; longer documents count as this long in quantiles."""


@dataclass(frozen=True)
class Row:
    """Figures of the documents of one language, or of all.

    Attributes
    ----------
    language
        Its tag; `all` for all documents.
    documents, tokens, bytes
        Their numbers. Bytes are the bytes of the tokens, without special tokens.
    median, ninth_decile, longest
        Ids of a document.
    fallback
        The share of bytes in tokens that are no whole characters.
    special
        How many of the ids are of special tokens.
    lengths
        The number of documents with 2^k ids or more, and less than 2^(k+1). The first number counts documents without
        ids.
    """

    language: str
    documents: int
    tokens: int
    bytes: int
    median: float
    ninth_decile: float
    longest: int
    fallback: float
    special: int
    lengths: tuple[int, ...]

    @property
    def tokens_per_byte(self) -> float:
        """Ids for each byte of text."""
        return self.tokens / self.bytes if self.bytes else float("nan")


@dataclass(frozen=True)
class Stats:
    """Figures of a folder of shards.

    Attributes
    ----------
    folder
        The folder.
    rows
        A row for each language, then one for all documents.
    """

    folder: Path
    rows: tuple[Row, ...]

    def table(self, width: int = 100, colours: bool = False) -> str:
        """Set the figures as a table for a terminal."""
        head = ["language", "documents", "tokens", "tokens/byte", "median", "90 %", "longest", "fell back", "special"]
        body: list[list[tuple[str, str]]] = []
        for row in self.rows:
            if row.language == "all" and body:
                body.append([])
            cells = [
                row.language,
                f"{row.documents:,}",
                f"{row.tokens:,}",
                f"{row.tokens_per_byte:.3f}",
                f"{row.median:,.0f}",
                f"{row.ninth_decile:,.0f}",
                f"{row.longest:,}",
                f"{row.fallback:.2%}",
                f"{row.special:,}",
            ]
            body.append([(cell, "") for cell in cells])
        return table(head, body, width=width, colours=colours)

    def to_json(self) -> dict[str, Any]:
        """Give the figures for JSON."""
        rows = [
            {**row.__dict__, "tokens_per_byte": row.tokens_per_byte, "lengths": list(row.lengths)} for row in self.rows
        ]
        return {"folder": str(self.folder), "rows": rows}

    def plot(self, path: StrPath) -> None:
        """Draw the distribution of lengths, and below it the shares of each language, as `.svg` or `.png`.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        OSError
            If it cannot be written.
        ImportError
            If it is `.png` and matplotlib is absent.
        """
        Path(path).write_bytes(draw(_scene(self), os.fspath(path)))


def stats(folder: StrPath, tokenizer: Tokenizer | StrPath | None = None) -> Stats:
    """Compute figures of shards by language.

    Parameters
    ----------
    folder
        Shards.
    tokenizer
        The tokenizer; by default the one that the folder keeps.

    Returns
    -------
    Stats
        With `table()`, `to_json()` and `plot(path)`.

    Raises
    ------
    OSError, FormatError
        If the shards cannot be read, or have ids that the tokenizer does not.
    ValueError
        If the folder keeps no tokenizer, and none is given.
    """
    dataset, processor = Dataset(folder), tokenizer_of(Path(folder), tokenizer)
    size, special = processor.vocab_size, set(processor.special_tokens.values())
    tokens = [processor.token(number) or b"" for number in range(size)]
    widths = np.array([0 if number in special else len(it) for number, it in enumerate(tokens)], dtype=np.int64)
    partial = np.array([text_of(it) is None for it in tokens])
    is_special = np.array([number in special for number in range(size)])
    found: dict[str, tuple[NDArray[np.int64], NDArray[np.int64], list[int]]] = {}
    for language, ids, lengths in _by_language(dataset):
        if ids.size and int(ids.max()) >= size:
            raise _core.FormatError(f"{folder}: it has the id {int(ids.max())}, the tokenizer has {size:,}")
        counts, histogram, longest = found.setdefault(
            language, (np.zeros(size, dtype=np.int64), np.zeros(LONGEST + 1, dtype=np.int64), [0])
        )
        counts += np.bincount(ids, minlength=size)
        seen = np.bincount(np.minimum(lengths, LONGEST))
        histogram[: seen.size] += seen
        longest[0] = max(longest[0], int(lengths.max()))
    rows = [_row(name, *found[name], widths, partial, is_special) for name in sorted(found)]
    if len(found) != 1:
        empty = (np.zeros(size, dtype=np.int64), np.zeros(LONGEST + 1, dtype=np.int64), [0])
        every = list(found.values()) or [empty]
        total = (sum(it[0] for it in every), sum(it[1] for it in every), [max(it[2][0] for it in every)])
        rows.append(_row("all", *total, widths, partial, is_special))  # type: ignore[arg-type]
    return Stats(Path(folder), tuple(rows))


def _by_language(dataset: Dataset) -> Iterator[tuple[str, Any, NDArray[np.int64]]]:
    """Give the language of a run of documents, their ids and their lengths."""
    if dataset.manifest is None:
        runs = [("und", 0, len(dataset))]
    else:
        runs, start = [], 0
        for shard in dataset.manifest.shards:
            for place, count in shard["segments"]:
                language = dataset.manifest.inputs[place]["language"] if place >= 0 else "und"
                if runs and runs[-1][0] == language:
                    runs[-1] = (language, runs[-1][1], start + count)
                else:
                    runs.append((language, start, start + count))
                start += count
    for language, start, stop in runs:
        for batch in dataset.batches(start, stop):
            yield language, batch.ids, batch.lengths


def _row(
    language: str,
    counts: NDArray[np.int64],
    histogram: NDArray[np.int64],
    longest: list[int],
    widths: NDArray[np.int64],
    partial: NDArray[np.bool_],
    special: NDArray[np.bool_],
) -> Row:
    documents, text = int(histogram.sum()), int(counts @ widths)
    ends = np.cumsum(histogram)
    median, decile = (int(np.searchsorted(ends, share * documents)) for share in (0.5, 0.9))
    powers = [int(histogram[0])]
    powers += [int(histogram[1 << k : 1 << k + 1].sum()) for k in range(LONGEST.bit_length())]
    while len(powers) > 1 and not powers[-1]:
        powers.pop()
    return Row(
        language,
        documents,
        int(counts.sum()),
        text,
        median,
        decile,
        longest[0],
        float(counts[partial] @ widths[partial]) / text if text else 0.0,
        int(counts[special].sum()),
        tuple(powers),
    )


def _scene(found: Stats) -> Scene:
    row = found.rows[-1]
    width, height, left = 560.0, 240.0, 72.0
    top = MARGIN + 48.0
    bars, lower = row.lengths or (0,), top + height + 72
    most = ticks(0, max(*bars, 1))[-1]
    step = width / len(bars)

    def marks() -> Iterator[Mark]:
        yield Label(MARGIN, MARGIN + 4, "Lengths of documents", size=14.0)
        yield Label(MARGIN, MARGIN + 24, f"{row.documents:,} documents, {row.tokens:,} tokens", colour=FAINT, size=11.0)
        for value in ticks(0, max(*bars, 1)):
            y = top + height * (1 - value / most)
            yield Line(left, y, left + width, y)
            yield Label(left - 8, y, f"{value:,.0f}", "end", FAINT, 11.0)
        for place, count in enumerate(bars):
            x = left + step * (place + 0.5)
            yield Line(x, top + height, x, top + height * (1 - count / most), COLOURS[0], step * 0.8)
            yield Label(x, top + height + 14, "0" if place == 0 else f"{1 << place - 1:,}", "middle", FAINT, 9.0)
        yield Label(left + width, top + height + 32, "tokens of a document, from", "end", FAINT, 11.0)
        yield from _languages(found.rows, left, lower, width)

    bottom = lower + ROW * (len(found.rows) + 1)
    return Scene("Lengths of documents", left + width + MARGIN, bottom + MARGIN, tuple(marks()))


ROW = 18.0
"""Pixels from the figures of a language to those of the next."""


def _languages(rows: Sequence[Row], left: float, top: float, width: float) -> Iterator[Mark]:
    """Draw three figures of each language as bars, each column from 0 to its largest value."""
    columns: list[tuple[str, list[float], str]] = [
        ("tokens a byte", [0.0 if math.isnan(row.tokens_per_byte) else row.tokens_per_byte for row in rows], ".3f"),
        ("bytes that fell back", [row.fallback for row in rows], ".2%"),
        ("special tokens", [row.special / row.tokens if row.tokens else 0.0 for row in rows], ".2%"),
    ]
    step = width / len(columns)
    for place, row in enumerate(rows, 1):
        yield Label(left - 8, top + ROW * place, row.language, "end", FAINT, 11.0)
    for number, (name, values, form) in enumerate(columns):
        x = left + step * number
        yield Label(x, top, name, "start", FAINT, 11.0)
        for place, value in enumerate(values, 1):
            y = top + ROW * place
            yield Line(x, y, x + 0.6 * step * value / (max(values) or 1), y, COLOURS[number], 10.0)
            yield Label(x + 0.62 * step, y, format(value, form), "start", FAINT, 10.0)


def tokenizer_of(folder: Path, given: Tokenizer | StrPath | None = None) -> Tokenizer:
    """Load the tokenizer that is given, or that a folder keeps.

    Raises
    ------
    ValueError
        If there is neither.
    """
    if isinstance(given, Tokenizer):
        return given
    if given is not None:
        return load_tokenizer(given)
    path = kept_tokenizer(folder)
    if path is None:
        raise ValueError(f"tokenizer: {folder} keeps none: name the one that the shards were made with")
    return Tokenizer(path.read_bytes(), str(path))


@dataclass(frozen=True)
class Shown:
    """A document as it is shown.

    Attributes
    ----------
    number
        Its number in the folder.
    text
        Its text.
    tokens
        The bytes of each token; a special token has its name.
    """

    number: int
    text: str
    tokens: list[bytes]


def head(folder: StrPath, count: int = 5, start: int = 0, tokenizer: Tokenizer | StrPath | None = None) -> list[Shown]:
    """Decode some documents.

    Parameters
    ----------
    folder
        Shards.
    count, start
        How many documents, and the first.
    tokenizer
        As for `stats`.

    Returns
    -------
    list of Shown
        Number, text and tokens of each.

    Raises
    ------
    OSError, FormatError, ValueError
        As for `stats`.
    """
    dataset, processor = Dataset(folder), tokenizer_of(Path(folder), tokenizer)
    if start < 0 or start > max(0, len(dataset) - 1):
        raise ValueError(f"start: {start}: {folder} has {len(dataset):,} documents")
    names = {number: name.encode() for name, number in processor.special_tokens.items()}
    shown = []
    for number in range(start, min(start + count, len(dataset))):
        ids = np.asarray(dataset[number], dtype=np.uint32)
        tokens = [names.get(it) or processor.token(it) or b"" for it in ids.tolist()]
        shown.append(Shown(number, processor.decode(ids), tokens))
    return shown
