"""Chunks of litdata, which litgpt reads with its `TokensLoader`: items without a header, and `index.json`."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eurotok._core import FormatError
from eurotok.shards.encoded import Encoded
from eurotok.shards.formats.base import Format, Settings, Shard, Writer, Written, mapped, rising
from eurotok.shards.output import Output

CODES = {"uint16": 5, "uint32": 6}
"""The numbers that litdata gives to types of NumPy."""

LEAF = '[1, {"type": null, "context": null, "children_spec": []}]'
"""The structure of an item that is one array, as torch writes it."""


class _Writer(Writer):
    def __init__(self, output: Output, stem: str, settings: Settings) -> None:
        self._file, self._dtype = output.open(f"{stem}.bin"), settings.dtype
        self._lengths, self._ids = output.spool("<i8"), output.spool(settings.dtype.str)

    def add(self, batch: Encoded) -> None:
        self._lengths.add(batch.lengths)
        self._ids.add(batch.ids.astype(self._dtype, copy=False))

    def close(self) -> None:
        count = self._lengths.count
        place = 4 + 4 * (count + 1)
        self._file.write(struct.pack("<II", count, place))
        for lengths in self._lengths:
            ends = place + np.cumsum(lengths) * self._dtype.itemsize
            place = int(ends[-1])
            if place >= 1 << 32:
                raise ValueError("shard_size: a chunk of litdata has less than 4 GiB")
            self._file.array(ends.astype("<u4"))
        for ids in self._ids:
            self._file.array(ids)


class Litdata(Format):
    """Chunks of 64 MiB, less than 4 GiB each."""

    name = "litdata"
    main = ".bin"
    endings = (".bin",)
    shard_size = 1 << 26

    def stem(self, part: int, number: int) -> str:
        """Name a chunk as litdata does."""
        return f"chunk-{part}-{number}"

    def find(self, folder: Path) -> list[Path]:
        """List the chunks of the index."""
        index = folder / "index.json"
        if not index.exists():
            return []
        try:
            return [folder / it["filename"] for it in json.loads(index.read_bytes())["chunks"]]
        except (ValueError, KeyError, TypeError):
            return []

    def writer(self, output: Output, stem: str, settings: Settings) -> Writer:
        """Begin a chunk."""
        return _Writer(output, stem, settings)

    def open(self, path: Path, dtype: np.dtype[Any] | None = None) -> Shard:
        """Open a chunk; the index beside it tells the integers of ids where no manifest does."""
        if dtype is None:
            try:
                (kind,) = json.loads((path.parent / "index.json").read_bytes())["config"]["data_format"]
                names = {f"no_header_numpy:{code}": name for name, code in CODES.items()}
                dtype = np.dtype(names[kind]).newbyteorder("<")
            except (OSError, ValueError, KeyError, TypeError):
                raise FormatError(f"{path.parent / 'index.json'}: it tells no integers of 16 or 32 bits") from None
        head = mapped(path, "<u4", 0, 1)
        bounds = mapped(path, "<u4", 4, int(head[0]) + 1).astype(np.int64)
        start = 4 + 4 * bounds.size
        if bounds[0] != start:
            raise FormatError(f"{path}: its first item is not behind its list of items")
        odd = np.flatnonzero((bounds - start) % dtype.itemsize)
        if odd.size:
            raise FormatError(f"{path}: document {int(odd[0]) - 1:,} ends in the middle of a token")
        ids = mapped(path, dtype, start)
        return Shard(path, ids, rising(path, (bounds - start) // dtype.itemsize, ids.size))

    def index(self, shards: Sequence[Written], settings: Settings) -> dict[str, bytes]:
        """Make `index.json`."""
        chunks = [
            {
                "chunk_bytes": it.files[f"{it.stem}.bin"]["bytes"],
                "chunk_size": it.documents,
                "dim": it.tokens,
                "filename": f"{it.stem}.bin",
            }
            for it in shards
        ]
        config = {
            "chunk_bytes": self.shard_size,
            "chunk_size": None,
            "compression": None,
            "data_format": [f"no_header_numpy:{CODES[settings.dtype.name]}"],
            "data_spec": LEAF,
            "encryption": None,
            "item_loader": "TokensLoader",
        }
        return {"index.json": json.dumps({"chunks": chunks, "config": config}, sort_keys=True).encode()}
