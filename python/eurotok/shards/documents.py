"""Inputs to documents, which stay in the core until they are encoded."""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from eurotok import _core
from eurotok.shards.chats import TOOLS, Chats, field_of, tools_of
from eurotok.shards.inputs import COMPRESSED, STDIN, Input, is_url, open_url

BATCH = 8 << 20
"""Bytes of text that are encoded at a time."""

ROWS = 8192
"""Rows of a table that are read at a time."""

CHATS = 1 << 20
"""Bytes of JSON Lines of chats that are read at a time."""


@dataclass(frozen=True)
class Reading:
    """The fields of a document, and the treatment of missing ones.

    Attributes
    ----------
    text, id
        Dotted paths of the text and of the document's id; without an id, documents are known by their lines.
    columns
        More paths, whose values a filter or a count needs.
    lines
        Whether each line of a `.txt` file is a document, instead of the whole.
    missing
        The treatment of a record without text or id: `"error"` or `"skip"`.
    errors
        The treatment of bytes that are not UTF-8: `"strict"` or `"replace"`.
    max_document
        Bytes of the longest line of JSON, or of the longest text.
    chat
        The dotted path of messages, in place of a text.
    """

    text: str = "text"
    id: str | None = None
    columns: tuple[str, ...] = ()
    lines: bool = False
    missing: str = "error"
    errors: str = "strict"
    max_document: int = 1 << 28
    chat: str | None = None

    @property
    def content(self) -> str:
        """The path of the text, or of the messages."""
        return self.text if self.chat is None else self.chat


@dataclass(frozen=True)
class Read:
    """Some documents, and the values of their columns.

    Attributes
    ----------
    documents
        The documents.
    columns
        A list for each column that was asked for.
    position
        Bytes of the input that are read.
    """

    documents: _core.Documents | Chats
    columns: dict[str, list[Any]]
    position: int
    missing: int = 0
    null: int = 0


def read(source: Input, reading: Reading, threads: int | None, held: object = None) -> Iterator[Read]:
    """Read the documents of an input, some megabytes at a time.

    Parameters
    ----------
    source
        The input.
    reading
        The fields that are wanted.
    threads
        How many threads parse.
    held
        The object that the input stands for, if it is in memory.

    Raises
    ------
    OSError
        If it cannot be read.
    CorpusError
        If it is damaged, or a record is not as it should be, naming the line or row.
    ImportError
        If a package is absent that it needs.
    """
    if held is not None:
        yield from _tables(source, _data_set(held), reading)
        return
    name = PurePosixPath(source.path).name
    if name.lower().endswith((".parquet", ".arrow")):
        yield from _tables(source, _batches(source.path, reading), reading)
        return
    if reading.chat is not None:
        yield from _chats(source, reading, threads)
        return
    with ExitStack() as opened:
        reader = _reader(opened, source.path, reading, reading.lines)
        while not (documents := reader.read(BATCH, threads)).at_end:
            columns = {name: documents.column(place) for place, name in enumerate(reading.columns)}
            yield Read(documents, columns, reader.position, *documents.skipped)


def _reader(
    opened: ExitStack, given: str, reading: Reading, lines: bool, name: str | None = None
) -> _core.DocumentReader:
    """Open a source for the core. Its `name` tells its format, and `opened` closes the files."""
    file: IO[bytes] | None = None
    path = given
    if path == STDIN:
        file, path = sys.stdin.buffer, "standard input.jsonl"
    elif is_url(path):
        file = opened.enter_context(open_url(path))
    if given.lower().endswith(".xz"):
        file = opened.enter_context(lzma.open(file or path))  # noqa: SIM115
        path = path[: -len(".xz")]
    if name is not None and file is None:
        file = opened.enter_context(Path(path).open("rb"))  # noqa: SIM115
    return _core.DocumentReader(
        name or path,
        file,
        text=reading.text,
        id=reading.id,
        columns=list(reading.columns),
        lines=lines,
        missing=reading.missing,
        errors=reading.errors,
        limit=reading.max_document,
    )


def _chats(source: Input, reading: Reading, threads: int | None) -> Iterator[Read]:
    """Read chats of JSON Lines: each line is a text to the core, and a record here."""
    lower = source.path.lower()
    ending = next((it for it in COMPRESSED if lower.endswith(it) and it != ".xz"), "")
    if source.path != STDIN and lower.removesuffix(ending).removesuffix(".xz").endswith(".txt"):
        raise _core.CorpusError(f"{source.path}: chats are read of JSON Lines and of tables, not of plain text")
    alias = f"{source.path}.lines.txt{ending}"
    try:
        with ExitStack() as opened:
            reader = _reader(opened, source.path, reading, True, alias)
            while not (documents := reader.read(CHATS, threads)).at_end:
                rows = [
                    (number, _record(source, number, line))
                    for number, line in zip(documents.numbers.tolist(), documents.texts(), strict=True)
                    if line.strip()
                ]
                yield _records(source, "line", rows, reading, reader.position)
    except _core.CorpusError as error:
        raise _core.CorpusError(str(error).replace(alias, source.path)) from None


def _record(source: Input, number: int, line: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(line)
    except ValueError as error:
        raise _core.CorpusError(f"{source.path}: line {number}: not JSON: {error}") from None


def _records(source: Input, place: str, rows: Sequence[tuple[int, Any]], reading: Reading, position: int) -> Read:
    """Make chats of records."""
    assert reading.chat is not None
    kept: list[tuple[int, Any]] = []
    skipped = {"missing": 0, "null": 0}
    for number, record in rows:
        for path in (it for it in (reading.chat, reading.id) if it is not None):
            is_there, value = field_of(record, path)
            if is_there and value is not None:
                continue
            fault = "null" if is_there else "missing"
            if reading.missing == "error":
                raise _core.CorpusError(f"{source.path}: {place} {number}: the field `{path}` is {fault}")
            skipped[fault] += 1
            break
        else:
            kept.append((number, record))
    records = [record for _, record in kept]
    names = None if reading.id is None else [str(field_of(it, reading.id)[1]) for it in records]
    chats = Chats(
        source.path,
        place,
        [number for number, _ in kept],
        [field_of(it, reading.chat)[1] for it in records],
        [tools_of(it, reading.chat) for it in records],
        names,
    )
    columns = {name: [field_of(it, name)[1] for it in records] for name in reading.columns}
    return Read(chats, columns, position, **skipped)


def _data_set(held: Any) -> Iterator[Any]:  # noqa: ANN401
    for table in held.with_format("arrow").iter(batch_size=ROWS):
        yield from table.to_batches()


def _batches(path: str, reading: Reading) -> Iterator[Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImportError(f"{path}: tables need pyarrow: pip install 'eurotok[parquet]'") from error
    opened = open_url(path) if is_url(path) else None
    try:
        if path.lower().endswith(".parquet"):
            with pq.ParquetFile(opened or path) as file:
                tools = TOOLS if reading.chat is not None else None
                wanted = [it for it in (reading.content, reading.id, tools, *reading.columns) if it]
                names = set(file.schema_arrow.names)
                top = sorted({it if it in names else it.partition(".")[0] for it in wanted} & names)
                yield from file.iter_batches(batch_size=ROWS, columns=top)
        else:
            with pa.OSFile(path) if opened is None else pa.PythonFile(opened) as file:
                try:
                    yield from (it for it in pa.ipc.open_stream(file))
                except pa.ArrowInvalid:
                    file.seek(0)
                    whole = pa.ipc.open_file(file)
                    yield from (whole.get_batch(number) for number in range(whole.num_record_batches))
    except pa.ArrowException as error:
        raise _core.CorpusError(f"{path}: damaged: {' '.join(str(error).split())}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise _core.CorpusError(f"{path}: damaged: {' '.join(str(error).split())}") from error


def _field(batch: Any, path: str) -> Any:  # noqa: ANN401
    """Give a column by its name, or by the path to it in nested columns; None if there is none."""
    import pyarrow.compute as pc

    if path in batch.schema.names:
        return batch.column(path)
    first, _, rest = path.partition(".")
    if rest and first in batch.schema.names:
        try:
            return pc.struct_field(batch.column(first), rest.split("."))
        except (KeyError, ValueError, NotImplementedError, TypeError):
            return None
    return None


def _tables(source: Input, batches: Iterator[Any], reading: Reading) -> Iterator[Read]:
    """Make documents of tables of Arrow, whose text never becomes Python's."""
    import pyarrow as pa

    before = done = 0
    for batch in batches:
        if reading.chat is not None:
            if reading.chat.partition(".")[0] not in batch.schema.names:
                raise _core.CorpusError(f"{source.path}: no column {reading.chat!r}")
            done += batch.nbytes
            yield _records(source, "row", list(enumerate(batch.to_pylist(), before + 1)), reading, done)
            before += len(batch)
            continue
        texts = _field(batch, reading.text)
        ids = None if reading.id is None else _field(batch, reading.id)
        for name, column in ((reading.text, texts), (reading.id, ids)):
            if name is not None and column is None:
                raise _core.CorpusError(f"{source.path}: no column {name!r}")
        kind = texts.type.value_type if pa.types.is_dictionary(texts.type) else texts.type
        is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        if not (is_bytes or pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
            raise _core.CorpusError(f"{source.path}: column {reading.text!r} is of type {texts.type}, not text")
        present = texts.is_valid() if ids is None else pa.compute.and_(texts.is_valid(), ids.is_valid())
        absent = len(batch) - pa.compute.sum(present).as_py() if len(batch) else 0
        if absent and reading.missing == "error":
            row = before + present.to_pylist().index(False) + 1
            name = reading.text if not texts[row - before - 1].is_valid else reading.id
            raise _core.CorpusError(f"{source.path}: row {row}: the field `{name}` is null")
        numbers = np.flatnonzero(np.asarray(present.to_pylist(), dtype=bool)) + (before + 1)
        wanted = texts.filter(present) if absent else texts
        documents = _documents(source, wanted, numbers, ids if ids is None else ids.filter(present), reading)
        columns: dict[str, list[Any]] = {}
        for name in reading.columns:
            column = _field(batch, name)
            columns[name] = [None] * numbers.size if column is None else column.filter(present).to_pylist()
        before += len(batch)
        done += batch.nbytes
        yield Read(documents, columns, done, 0, absent)


def _documents(
    source: Input,
    texts: Any,  # noqa: ANN401
    numbers: Any,  # noqa: ANN401
    ids: Any,  # noqa: ANN401
    reading: Reading,
) -> _core.Documents:
    import pyarrow as pa

    column = texts.cast(pa.large_binary())
    if reading.errors == "replace":
        cleaned = [it.decode("utf-8", "replace").encode() for it in column.to_pylist()]
        column = pa.array(cleaned, pa.large_binary())
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    bounds = bounds if len(column) else np.zeros(1, dtype=np.int64)
    text = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
    names: Sequence[str] | None = None if ids is None else [str(it) for it in ids.to_pylist()]
    try:
        return _core.Documents.from_columns(text, bounds, numbers.astype(np.int64), names)
    except ValueError as error:
        raise _core.CorpusError(f"{source.path}: {str(error).removeprefix('texts: ')}") from None
