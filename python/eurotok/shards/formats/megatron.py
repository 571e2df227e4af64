"""Megatron-LM's indexed data set: `.bin` and `.idx`, which NeMo, nanotron and GPT-NeoX read, too."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from eurotok._core import FormatError
from eurotok.shards.encoded import Encoded
from eurotok.shards.formats.base import Format, Settings, Shard, Writer, mapped
from eurotok.shards.output import Output

MAGIC = b"MMIDIDX\x00\x00"
HEADER = struct.Struct("<9sQBQQ")
"""Magic, version, code of the type, sequences, entries of the list of documents."""

CODES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 8: "uint16"}
STEP = 1 << 20


class _Writer(Writer):
    def __init__(self, output: Output, stem: str, settings: Settings) -> None:
        self._dtype = settings.dtype
        self._ids, self._index = output.open(f"{stem}.bin"), output.open(f"{stem}.idx")
        self._lengths = output.spool("<i4")

    def add(self, batch: Encoded) -> None:
        self._ids.array(batch.ids.astype(self._dtype, copy=False))
        self._lengths.add(batch.lengths)

    def close(self) -> None:
        count, index = self._lengths.count, self._index
        code = next(code for code, name in CODES.items() if name == self._dtype.name)
        index.write(HEADER.pack(MAGIC, 1, code, count, count + 1))
        for lengths in self._lengths:
            index.array(lengths)
        place = 0
        for lengths in self._lengths:
            ends = np.cumsum(lengths, dtype="<i8") * self._dtype.itemsize + place
            index.array(np.concatenate([np.array([place], dtype="<i8"), ends[:-1]]))
            place = int(ends[-1])
        for start in range(0, count + 1, STEP):
            index.array(np.arange(start, min(start + STEP, count + 1), dtype="<i8"))


class Megatron(Format):
    """One sequence a document; u16 below 65,537 entries, else i32."""

    name = "megatron"
    main = ".bin"
    endings = (".bin", ".idx")
    dtypes = ("uint16", "int32")

    def writer(self, output: Output, stem: str, settings: Settings) -> Writer:
        """Begin a shard."""
        return _Writer(output, stem, settings)

    def open(self, path: Path, dtype: np.dtype[Any] | None = None) -> Shard:  # noqa: ARG002
        """Open a shard and check its index: one sequence a document, pointers as the lengths say."""
        index = path.with_suffix(".idx")
        with index.open("rb") as file:
            head = file.read(HEADER.size)
        if len(head) < HEADER.size or not head.startswith(MAGIC):
            raise FormatError(f"{index}: not an index of Megatron's")
        _, version, code, count, documents = HEADER.unpack(head)
        if version != 1 or code not in CODES:
            raise FormatError(f"{index}: version {version} with integers of type {code} is not known")
        stored = np.dtype(CODES[code]).newbyteorder("<")
        ids = mapped(path, stored)
        lengths = mapped(index, "<i4", HEADER.size, count)
        pointers = mapped(index, "<i8", HEADER.size + 4 * count, count)
        starts = mapped(index, "<i8", HEADER.size + 12 * count, documents)
        if np.any(lengths < 0):
            raise FormatError(f"{index}: document {int(np.argmax(lengths < 0)):,} has a length below 0")
        offsets = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        wrong = np.flatnonzero(pointers != offsets[:-1] * stored.itemsize)
        if wrong.size:
            # A wrong length moves all places behind it; a wrong pointer is alone.
            first = int(wrong[0])
            by_length = first > 0 and wrong.size == count - first
            fault = f"document {first - by_length:,}: its {'length' if by_length else 'pointer'} is wrong"
            raise FormatError(f"{index}: {fault}")
        if documents < 1 or int(starts[0]) != 0 or int(starts[-1]) != count:
            raise FormatError(f"{index}: the list of documents does not run from 0 to {count:,}")
        falls = np.flatnonzero(np.diff(starts) < 0)
        if falls.size:
            raise FormatError(f"{index}: document {int(falls[0]):,}: the list of documents falls")
        if int(offsets[-1]) != ids.size:
            first = min(int(np.searchsorted(offsets, ids.size, side="right")) - 1, count - 1)
            raise FormatError(
                f"{path}: {ids.size:,} ids, but the index tells of {int(offsets[-1]):,}; document {max(first, 0):,} "
                "is the first that is not whole"
            )
        return Shard(path, ids, offsets[starts])
