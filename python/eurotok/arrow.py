"""Texts in columns of Arrow, and in parquet files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from eurotok import _core
from eurotok.literals import Errors

if TYPE_CHECKING:
    import pyarrow as pa

COLUMN = "text"
"""The column of a parquet file that holds its texts."""

ROWS = 8192
"""Rows held at a time."""


def read_column(path: str | os.PathLike[str], errors: Errors = "strict") -> Iterator[list[str | None]]:
    """Read the column `text` of a parquet file, some thousand rows at a time.

    Parameters
    ----------
    path
        The file. Its column holds strings or UTF-8 bytes of any Arrow type, dictionaries of these included.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where bytes are not UTF-8.

    Yields
    ------
    list of str or None
        A text for each row; None where the row is null.

    Raises
    ------
    OSError
        If the file cannot be read.
    CorpusError
        If the file is damaged, has no such column, or the column holds anything but text.
    ImportError
        If pyarrow is absent.
    """
    origin = os.fspath(path)
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImportError(f"{origin}: parquet needs pyarrow: pip install 'eurotok[parquet]'") from error
    mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode):
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), origin)
        raise _core.CorpusError(f"{origin}: parquet is read from the end, so it must be a file")
    row = 0
    try:
        with pq.ParquetFile(path) as file:
            columns = file.schema_arrow.names.count(COLUMN)
            if columns != 1:
                raise _core.CorpusError(f"{origin}: {columns or 'no'} column{'s' * (columns > 1)} {COLUMN!r}")
            for batch in file.iter_batches(batch_size=ROWS, columns=[COLUMN]):
                yield column_texts(batch.column(0), errors, f"{origin}: column {COLUMN!r}", row)
                row += len(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
            raise
        reason = " ".join(str(error).split())
        raise _core.CorpusError(f"{origin}: column {COLUMN!r}: damaged after row {row}: {reason}") from error


def column_texts(column: pa.Array, errors: Errors, origin: str, before: int = 0) -> list[str | None]:
    """Give the texts of a column of Arrow.

    Parameters
    ----------
    column
        Strings or UTF-8 bytes of any Arrow type, or a dictionary of these.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where bytes are not UTF-8.
    origin
        What errors call the column.
    before
        Rows before those of `column`, for errors.

    Returns
    -------
    list of str or None
        A text for each row; None where the row is null.

    Raises
    ------
    CorpusError
        If the column is of another type, or bytes are not UTF-8, naming the row.
    """
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = column.storage
        kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_null(kind):
        return [None] * len(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        try:
            rows: list[str | None] = column.to_pylist()
            return rows
        except UnicodeDecodeError:
            pass
    elif not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)):
        raise _core.CorpusError(f"{origin} is of type {column.type}, not text")
    texts: list[str | None] = []
    for row, data in enumerate(column.cast(pa.large_binary()).to_pylist(), before + 1):
        try:
            texts.append(None if data is None else data.decode("utf-8", errors))
        except UnicodeDecodeError as error:
            raise _core.CorpusError(f"{origin}: row {row}: invalid UTF-8 at byte {error.start}") from None
    return texts
