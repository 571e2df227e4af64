"""Shards in a row: documents in, files of a folder out, a new shard whenever one is full."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from eurotok.shards.encoded import Encoded, cut
from eurotok.shards.formats import Format, Settings, Writer
from eurotok.shards.output import HIDDEN, Output, sync_folder

SUMS = f"{HIDDEN}/sums"
"""The folder of checksums: a CRC-32 for each document of a shard, as little-endian uint32."""


SEGMENTS = 4096
"""Runs of one input that a manifest tells of a shard: more of them, as of shuffled documents, are not told."""


class Series:
    """Writes the shards of one part, one after the other.

    Parameters
    ----------
    folder
        Where they are to stand.
    kind
        Their format.
    settings
        How they are written.
    part
        The number of the part, which is in their names.
    limit
        Bytes of ids in a shard.
    """

    def __init__(self, folder: Path, kind: Format, settings: Settings, part: int, limit: int) -> None:
        self._folder, self._kind, self._settings, self._part, self._limit = folder, kind, settings, part, limit
        self._output: Output | None = None
        self._writer: Writer | None = None
        self._sums: Any = None
        self._tokens = self._documents = 0
        self._segments: list[list[int]] = []
        self.shards: list[dict[str, Any]] = []

    def add(self, batch: Encoded, origin: int = -1, sums: Any = None) -> None:  # noqa: ANN401
        """Append documents of an input, whose place is `origin`. `sums` are their checksums, if these are known."""
        if not len(batch):
            return
        width = self._settings.dtype.itemsize
        if sums is None:
            sums = batch.checksums()
        ranges = cut(batch.lengths * width, self._tokens * width if self._documents else 0, self._limit)
        for number, (start, stop) in enumerate(ranges):
            if number:
                self._end()
            if stop > start:
                self._append(batch[start:stop], origin, sums[start:stop])

    def _append(self, batch: Encoded, origin: int, sums: Any) -> None:  # noqa: ANN401
        if self._writer is None:
            self._output = Output(self._folder)
            self._stem = self._kind.stem(self._part, len(self.shards))
            self._writer = self._kind.writer(self._output, self._stem, self._settings)
            self._sums = self._output.open(f"{SUMS}/{self._stem}.u32")
        self._writer.add(batch)
        self._sums.array(np.asarray(sums, dtype="<u4"))
        self._tokens += int(batch.offsets[-1])
        self._documents += len(batch)
        if self._segments and self._segments[-1][0] == origin:
            self._segments[-1][1] += len(batch)
        else:
            self._segments.append([origin, len(batch)])

    def _end(self) -> None:
        if self._writer is None or self._output is None:
            return
        self._writer.close()
        files = self._output.commit()
        sums = files.pop(f"{SUMS}/{self._stem}.u32")
        segments = self._segments if len(self._segments) <= SEGMENTS else [[-1, self._documents]]
        self.shards.append(
            {
                "name": self._stem,
                "documents": self._documents,
                "tokens": self._tokens,
                "files": files,
                "sums": sums,
                "segments": segments,
            }
        )
        self._writer = self._output = None
        self._tokens = self._documents = 0
        self._segments = []

    def close(self) -> list[dict[str, Any]]:
        """Finish the last shard, and give the manifest's entry of each shard."""
        self._end()
        if self.shards:
            sync_folder(self._folder)
        return self.shards

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._output is not None:
            self._output.discard()
