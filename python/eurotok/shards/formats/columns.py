"""Tables of lists: parquet and Arrow files with a column `input_ids`, a row for each document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eurotok._core import FormatError
from eurotok.shards.encoded import Encoded
from eurotok.shards.formats.base import Format, Settings, Shard, Writer
from eurotok.shards.output import Output

COLUMN = "input_ids"
MASK = "assistant_masks"
"""The column of masks, as trainers of chats call it."""


def _arrow(path: object) -> Any:  # noqa: ANN401
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"{path}: tables need pyarrow: pip install 'eurotok[parquet]'") from error
    return pa


class _Writer(Writer):
    def __init__(self, output: Output, name: str, settings: Settings, is_parquet: bool) -> None:
        pa = _arrow(name)
        self._pa, self._dtype = pa, settings.dtype
        names = {"tokenizer": settings.tokenizer}
        kind = pa.from_numpy_dtype(settings.dtype)
        columns = [(COLUMN, pa.large_list(kind)), ("id", pa.string())]
        columns += [(MASK, pa.large_list(pa.uint8()))] if settings.masks else []
        self._schema = pa.schema(columns, metadata=names)
        sink = pa.PythonFile(output.open(name), mode="w")
        if is_parquet:
            self._writer = pa.parquet.ParquetWriter(sink, self._schema, compression="zstd")
        else:
            self._writer = pa.ipc.new_file(sink, self._schema)

    def add(self, batch: Encoded) -> None:
        pa = self._pa
        ids = np.ascontiguousarray(batch.ids.astype(self._dtype, copy=False))
        lists = pa.LargeListArray.from_arrays(pa.array(batch.offsets), pa.array(ids))
        names = pa.nulls(len(batch), pa.string()) if batch.names is None else pa.array(batch.names, pa.string())
        columns = [lists, names]
        if batch.mask is not None:
            mask = pa.array(np.ascontiguousarray(batch.mask))
            columns.append(pa.LargeListArray.from_arrays(pa.array(batch.offsets), mask))
        self._writer.write_batch(pa.record_batch(columns[: len(self._schema)], schema=self._schema))

    def close(self) -> None:
        self._writer.close()


class _Table(Format):
    """A column of lists, and one of ids of documents."""

    has_masks = True

    def writer(self, output: Output, stem: str, settings: Settings) -> Writer:
        """Begin a table."""
        return _Writer(output, f"{stem}{self.main}", settings, self.main == ".parquet")

    def open(self, path: Path, dtype: np.dtype[Any] | None = None) -> Shard:  # noqa: ARG002
        """Open a table: one of Arrow is mapped into memory, one of parquet is read."""
        pa = _arrow(path)
        path.stat()
        try:
            if self.main == ".parquet":
                names = pa.parquet.read_schema(path).names
                table = pa.parquet.read_table(path, columns=[it for it in (COLUMN, MASK) if it in names])
            else:
                table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
            chunks = table.column(COLUMN).chunks
        except (pa.ArrowException, KeyError, OSError) as error:
            raise FormatError(f"{path}: not a table with a column {COLUMN!r}: {' '.join(str(error).split())}") from None
        parts = [(it.flatten().to_numpy(zero_copy_only=True), np.asarray(it.offsets)) for it in chunks]
        ids = np.concatenate([part for part, _ in parts]) if parts else np.empty(0, dtype=np.uint32)
        masks = [it.flatten().to_numpy(zero_copy_only=True) for it in _chunks(table, MASK)]
        mask = np.concatenate(masks).astype(np.uint8, copy=False) if masks else None
        if mask is not None and mask.size != ids.size:
            raise FormatError(f"{path}: a mask of {mask.size:,} ids, but there are {ids.size:,}")
        lengths = np.concatenate([np.empty(0, dtype=np.int64), *(np.diff(ends) for _, ends in parts)])
        return Shard(path, ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), mask)


def _chunks(table: Any, name: str) -> list[Any]:  # noqa: ANN401
    return list(table.column(name).chunks) if name in table.column_names else []


class Parquet(_Table):
    """A parquet file a shard."""

    name = "parquet"
    main = ".parquet"
    endings = (".parquet",)


class Arrow(_Table):
    """A file of Arrow's IPC a shard, which `datasets` reads."""

    name = "arrow"
    main = ".arrow"
    endings = (".arrow",)
