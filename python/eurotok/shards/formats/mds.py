"""MDS of mosaicml-streaming, which LLM Foundry reads: samples with a column `tokens`, and `index.json`."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eurotok._core import FormatError
from eurotok.shards.encoded import Encoded, gather
from eurotok.shards.formats.base import Format, Settings, Shard, Writer, Written, mapped
from eurotok.shards.output import Output

COLUMN = "tokens"
LIMIT = 1 << 26
"""The size of a shard in bytes that `MDSWriter` uses by default, which the index states."""


def _config(dtype: np.dtype[Any]) -> dict[str, Any]:
    return {
        "column_encodings": [f"ndarray:{dtype.name}"],
        "column_names": [COLUMN],
        "column_sizes": [None],
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": LIMIT,
        "version": 2,
    }


def _head(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tell how many bytes an array's shape takes before its values: one for the kind, and the length."""
    return 1 + np.where(lengths < 1 << 8, 1, np.where(lengths < 1 << 16, 2, 4))


class _Writer(Writer):
    def __init__(self, output: Output, stem: str, settings: Settings) -> None:
        self._file, self._dtype = output.open(f"{stem}.mds"), settings.dtype
        self._lengths, self._ids = output.spool("<i8"), output.spool(settings.dtype.str)

    def add(self, batch: Encoded) -> None:
        self._lengths.add(batch.lengths)
        self._ids.add(batch.ids.astype(self._dtype, copy=False))

    def close(self) -> None:
        count, width = self._lengths.count, self._dtype.itemsize
        config = json.dumps(_config(self._dtype), sort_keys=True).encode()
        place = 4 + 4 * (count + 1) + len(config)
        self._file.write(struct.pack("<II", count, place))
        for lengths in self._lengths:
            ends = place + np.cumsum(4 + _head(lengths) + lengths * width)
            place = int(ends[-1])
            if place >= 1 << 32:
                raise ValueError("shard_size: a shard of MDS has less than 4 GiB")
            self._file.array(ends.astype("<u4"))
        self._file.write(config)
        rest = iter(self._ids)
        held = np.empty(0, dtype=self._dtype)
        for lengths in self._lengths:
            for start in range(0, lengths.size, 4096):
                some = lengths[start : start + 4096]
                wanted = int(some.sum())
                parts, there = [held], held.size
                while there < wanted:
                    parts.append(next(rest))
                    there += parts[-1].size
                held = np.concatenate(parts) if len(parts) > 1 else held
                self._file.write(self._samples(some, held[:wanted]))
                held = held[wanted:]

    def _samples(self, lengths: NDArray[np.int64], ids: NDArray[Any]) -> bytes:
        heads = _head(lengths)
        parts, start = [], 0
        for length, head in zip(lengths.tolist(), heads.tolist(), strict=True):
            kind = {2: 0, 3: 1, 5: 2}[head]
            size = head + length * self._dtype.itemsize
            parts.append(struct.pack("<IB", size, 1 << 2 | kind) + length.to_bytes(head - 1, "little"))
            parts.append(ids[start : start + length].tobytes())
            start += length
        return b"".join(parts)


class _Shard(Shard):
    """Ids that do not lie in a row: each document has a few bytes before its own."""

    def __init__(
        self, path: Path, data: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> None:
        offsets = np.zeros(lengths.size + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        super().__init__(path, data, offsets)
        self.starts = starts
        self.dtype = np.dtype("<u2")

    def read(self, start: int, stop: int) -> Encoded:
        return self.take(np.arange(start, stop, dtype=np.int64))

    def take(self, places: NDArray[np.int64]) -> Encoded:
        lengths = self.offsets[places + 1] - self.offsets[places]
        offsets = np.zeros(places.size + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        width = self.dtype.itemsize
        data = gather(self.ids, self.starts[places], offsets * width)
        return Encoded(data.view(self.dtype), offsets, source=str(self.path))


class Mds(Format):
    """Shards of 64 MiB, less than 4 GiB each."""

    name = "mds"
    main = ".mds"
    endings = (".mds",)
    shard_size = LIMIT

    def writer(self, output: Output, stem: str, settings: Settings) -> Writer:
        """Begin a shard."""
        return _Writer(output, stem, settings)

    def open(self, path: Path, dtype: np.dtype[Any] | None = None) -> Shard:  # noqa: ARG002
        """Open a shard and check where each sample lies."""
        data = mapped(path, "u1")
        try:
            count = int(np.frombuffer(data[:4], "<u4")[0])
            bounds = mapped(path, "<u4", 4, count + 1).astype(np.int64)
            config = json.loads(bytes(data[4 + 4 * (count + 1) : bounds[0]]))
            place = config["column_names"].index(COLUMN)
            kind, _, name = config["column_encodings"][place].partition(":")
            if kind != "ndarray" or name not in self.dtypes or len(config["column_names"]) > 1:
                raise ValueError(f"its column is {config['column_encodings']}")
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise FormatError(f"{path}: not a shard of MDS with a column {COLUMN!r}: {error}") from None
        if bounds[-1] != data.size:
            raise FormatError(f"{path}: {data.size:,} bytes, not the {int(bounds[-1]):,} of its last entry")
        stored = np.dtype(name).newbyteorder("<")
        sizes = np.diff(bounds)
        payload = sizes - 4
        lengths = (payload - 2) // stored.itemsize
        for least, head in ((1 << 8, 3), (1 << 16, 5)):
            lengths = np.where(lengths >= least, (payload - head) // stored.itemsize, lengths)
        heads = _head(lengths)
        wrong = np.flatnonzero((lengths < 0) | (heads + lengths * stored.itemsize != payload))
        if wrong.size:
            raise FormatError(f"{path}: document {int(wrong[0]):,}: its size is not that of an array")
        shard = _Shard(path, data, bounds[:-1] + 4 + heads, lengths)
        shard.dtype = stored
        return shard

    def index(self, shards: Sequence[Written], settings: Settings) -> dict[str, bytes]:
        """Make `index.json`."""
        entries = [
            {
                **_config(settings.dtype),
                "raw_data": {"basename": f"{it.stem}.mds", "bytes": it.files[f"{it.stem}.mds"]["bytes"], "hashes": {}},
                "samples": it.documents,
                "zip_data": None,
            }
            for it in shards
        ]
        return {"index.json": json.dumps({"shards": entries, "version": 2}, sort_keys=True).encode()}
