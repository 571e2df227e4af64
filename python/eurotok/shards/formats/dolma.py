"""Dolma and OLMo-core: ids without NumPy's header in `.npy`, and `.csv.gz` with a row for each document."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from eurotok._core import FormatError
from eurotok.shards.encoded import Encoded
from eurotok.shards.formats.base import Format, Settings, Shard, Writer, mapped, rising
from eurotok.shards.output import Output


class _Writer(Writer):
    def __init__(self, output: Output, stem: str, settings: Settings) -> None:
        self._dtype = settings.dtype
        self._ids = output.open(f"{stem}.npy")
        self._rows = output.open_gzip(f"{stem}.csv.gz")
        self._tokens = self._documents = 0

    def add(self, batch: Encoded) -> None:
        self._ids.array(batch.ids.astype(self._dtype, copy=False))
        bounds = (batch.offsets + self._tokens).tolist()
        first = self._documents
        names = batch.names or [str(number) for number in range(first, first + len(batch))]
        numbers = range(1, len(batch) + 1) if batch.numbers is None else batch.numbers.tolist()
        text = io.StringIO()
        rows = ((*row[:3], batch.source, row[3]) for row in zip(bounds[:-1], bounds[1:], names, numbers, strict=True))
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._rows.write(text.getvalue().encode())
        self._tokens, self._documents = bounds[-1], first + len(batch)

    def close(self) -> None:
        self._rows.close()


class Dolma(Format):
    """The smallest unsigned integers that hold the largest id; nothing in the file tells which."""

    name = "dolma"
    main = ".npy"
    endings = (".npy", ".csv.gz")
    dtypes = ("uint8", "uint16", "uint32")

    def stem(self, part: int, number: int) -> str:
        """Name a shard as Dolma does: two digits for the part, five for the file."""
        return f"part-{part:02d}-{number:05d}"

    def writer(self, output: Output, stem: str, settings: Settings) -> Writer:
        """Begin a shard."""
        return _Writer(output, stem, settings)

    def find(self, folder: Path) -> list[Path]:
        """List the main files that have rows beside them."""
        paths = [path for path in super().find(folder) if path.with_suffix(".csv.gz").exists()]
        return sorted(paths, key=lambda path: tuple(int(it) if it.isdigit() else it for it in path.stem.split("-")[1:]))

    def open(self, path: Path, dtype: np.dtype[Any] | None = None) -> Shard:
        """Open a shard. `dtype` is needed where no manifest tells it."""
        table = path.with_suffix(".csv.gz")
        try:
            with gzip.open(table, "rt", encoding="utf-8", newline="") as file:
                ends = [int(row[1]) for row in csv.reader(file)]
        except (EOFError, gzip.BadGzipFile, zlib.error, ValueError, IndexError, csv.Error) as error:
            raise FormatError(f"{table}: damaged: {error}") from None
        if dtype is None:
            size, tokens = path.stat().st_size, ends[-1] if ends else 0
            if tokens and size not in (tokens, 2 * tokens, 4 * tokens):
                raise FormatError(f"{path}: {size:,} bytes are not the {tokens:,} ids that {table.name} tells of")
            dtype = np.dtype(f"<u{size // tokens if tokens else 2}")
        ids = mapped(path, dtype)
        return Shard(path, ids, rising(table, np.array([0, *ends], dtype=np.int64), ids.size))
