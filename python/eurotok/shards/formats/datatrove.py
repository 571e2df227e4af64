"""The tokenized data set of datatrove, which nanotron reads: `.ds`, `.ds.index`, `.ds.metadata`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eurotok._core import FormatError
from eurotok.shards.encoded import Encoded
from eurotok.shards.formats.base import Format, Settings, Shard, Writer, mapped, mask_of, rising
from eurotok.shards.output import Output


def humanized(number: int) -> str:
    """Write a number as people say it.

    >>> humanized(1_234_567), humanized(12)
    ('1.2M', '12')
    """
    for letter, size in (("T", 10**12), ("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if number >= size:
            return f"{number / size:.1f}{letter}"
    return str(number)


class _Writer(Writer):
    def __init__(self, output: Output, stem: str, settings: Settings) -> None:
        self._settings = settings
        self._ids, self._ends = output.open(f"{stem}.ds"), output.open(f"{stem}.ds.index")
        self._metadata = output.open(f"{stem}.ds.metadata")
        self._loss = output.open(f"{stem}.ds.loss") if settings.masks else None
        self._tokens = 0

    def add(self, batch: Encoded) -> None:
        self._ids.array(batch.ids.astype(self._settings.dtype, copy=False))
        self._ends.array((batch.offsets[1:] + self._tokens).astype("<u8"))
        if self._loss and batch.mask is not None:
            self._loss.array(batch.mask)
        self._tokens += int(batch.offsets[-1])

    def close(self) -> None:
        name = f"{self._settings.tokenizer}|{self._settings.dtype.itemsize}"
        self._metadata.write(f"{name}\n{self._tokens}\n{humanized(self._tokens)}".encode())


class Datatrove(Format):
    """Ids of 16 bits if the vocabulary has at most 65,536 entries, else of 32; the end of each document."""

    has_masks = True
    name = "datatrove"
    main = ".ds"
    endings = (".ds", ".ds.index", ".ds.metadata")

    def writer(self, output: Output, stem: str, settings: Settings) -> Writer:
        """Begin a shard."""
        return _Writer(output, stem, settings)

    def open(self, path: Path, dtype: np.dtype[Any] | None = None) -> Shard:
        """Open a shard; the metadata tell how many bytes a token has."""
        metadata = path.with_name(f"{path.name}.metadata")
        width = dtype.itemsize if dtype is not None else None
        if metadata.exists():
            name, _, stated = metadata.read_text(encoding="utf-8").partition("\n")[0].rpartition("|")
            if not name or stated not in ("2", "4"):
                raise FormatError(f"{metadata}: its first line tells no bytes a token")
            width = int(stated)
        ends = mapped(path.with_name(f"{path.name}.index"), "<u8")
        if width is None:
            size = path.stat().st_size
            width = size // int(ends[-1]) if ends.size and int(ends[-1]) else 2
        if width not in (2, 4):
            raise FormatError(f"{path}: nothing tells how many bytes a token has")
        ids = mapped(path, f"<u{width}")
        offsets = np.zeros(ends.size + 1, dtype=np.int64)
        offsets[1:] = ends
        offsets = rising(path.with_name(f"{path.name}.index"), offsets, ids.size)
        return Shard(path, ids, offsets, mask_of(path.with_name(f"{path.name}.loss"), ids.size))
