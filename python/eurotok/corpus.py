"""Folders of text by language, and the texts inside files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from eurotok import _core

StrPath = str | os.PathLike[str]
Files = StrPath | Mapping[str, StrPath | Iterable[StrPath]]
"""A folder of text by language, or the file or files of each language."""

ENDINGS = (".txt", ".jsonl", ".parquet")
COMPRESSIONS = (".gz", ".zst")
LANGUAGE = re.compile(r"[a-z][a-z0-9]*([-_][A-Za-z0-9]+)*")
"""What a file or folder is called that holds a language: `fr`, `sr-Latn`, `fra_Latn`, `code`."""

PARQUET_ROWS = 8192
"""Rows of a parquet file held at a time."""


def ending(path: StrPath) -> str | None:
    """Tell the kind of a text file by its name, compression aside: one of `ENDINGS`, or None.

    Examples
    --------
    >>> ending("fr.txt.zst"), ending("fr.tsv")
    ('.txt', None)
    """
    name = Path(path).name
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    return next((end for end in ENDINGS if name.endswith(end)), None)


def language_of(path: StrPath) -> str | None:
    """Tell the language of a text file by its name, or None if it names none.

    Examples
    --------
    >>> language_of("corpus/sr-Latn.jsonl.gz"), language_of("part 1.txt")
    ('sr-Latn', None)
    """
    end = ending(path)
    language = Path(path).name.partition(end)[0] if end else ""
    return language if LANGUAGE.fullmatch(language) else None


def list_files(source: Files) -> dict[str, list[Path]]:
    """List the files of each language: those of a folder (see `find_languages`, also for errors), or those given."""
    if isinstance(source, (str, os.PathLike)):
        return find_languages(source)
    return {
        language: [Path(files)] if isinstance(files, (str, os.PathLike)) else [Path(file) for file in files]
        for language, files in source.items()
    }


def find_languages(folder: StrPath) -> dict[str, list[Path]]:
    """Find the text files of each language in a folder.

    Parameters
    ----------
    folder
        Holds `<lang>.txt`, `<lang>.jsonl` (each line an object with a field `text`) or `<lang>.parquet` (column
        `text`), plain or `.gz`/`.zst`, or folders `<lang>` of such files. Anything else in it is left alone.

    Returns
    -------
    dict[str, list[Path]]
        The files of each language, both in alphabetical order.

    Raises
    ------
    OSError
        If the folder cannot be read.
    CorpusError
        If it holds no language.
    """
    found: dict[str, list[Path]] = {}
    for entry in sorted(Path(folder).iterdir()):
        if entry.is_dir():
            language = entry.name if LANGUAGE.fullmatch(entry.name) else None
            files = sorted(path for path in entry.rglob("*") if ending(path) and path.is_file())
        else:
            language, files = language_of(entry), [entry]
        if files and language:
            found.setdefault(language, []).extend(files)
    if not found:
        kinds = ", ".join(f"<lang>{end}" for end in ENDINGS)
        raise _core.CorpusError(f"{os.fspath(folder)}: no languages here: expected {kinds} or folders <lang> of them")
    return dict(sorted(found.items()))


def read_texts(path: StrPath, errors: str = "strict") -> Iterator[list[str]]:
    """Read the texts of a file, some at a time.

    Parameters
    ----------
    path
        A `.jsonl` or `.parquet` file, one text a record; any other file is one text. Plain, `.gz` or `.zst`.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where bytes are not UTF-8.

    Yields
    ------
    list[str]
        Texts, in order.

    Raises
    ------
    OSError
        If the file cannot be read.
    CorpusError
        If it is not UTF-8 (with the byte offset), or a record has no text (with its line).
    ImportError
        If it is a parquet file and pyarrow is absent.
    """
    kind = ending(path)
    if kind == ".parquet":
        yield from parquet_texts(path)
    elif kind == ".jsonl":
        lines = read_text(path, errors).split("\n")
        yield [_json_text(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    else:
        yield [read_text(path, errors)]


def read_lines(path: StrPath, errors: str = "strict") -> list[str]:
    r"""Read the lines of a text file, or the records of a `.jsonl` or `.parquet` file. Errors as for `read_texts`.

    A line ends at `\n` or `\r\n`, and nowhere else.
    """
    if ending(path) in (".jsonl", ".parquet"):
        return [text for batch in read_texts(path, errors) for text in batch]
    lines = read_text(path, errors).split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def read_text(path: StrPath, errors: str = "strict") -> str:
    """Read a whole file, plain, `.gz` or `.zst`. Errors as for `read_texts`."""
    return decode_utf8(_core.read_bytes(os.fspath(path)), os.fspath(path), errors)


def decode_utf8(data: bytes, origin: str, errors: str = "strict") -> str:
    r"""Decode UTF-8.

    Raises
    ------
    CorpusError
        If a byte is at fault, naming `origin` and the offset.

    Examples
    --------
    >>> decode_utf8(b"caf\xe9", "menu.txt")
    Traceback (most recent call last):
    ...
    eurotok.CorpusError: menu.txt: invalid UTF-8 at byte 3
    """
    try:
        return data.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        raise _core.CorpusError(f"{origin}: invalid UTF-8 at byte {error.start}") from None


def parquet_texts(path: StrPath) -> Iterator[list[str]]:
    """Read the column `text` of a parquet file, some thousand rows at a time. Errors as for `read_texts`."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ImportError(f"{os.fspath(path)}: parquet needs pyarrow: pip install 'eurotok[parquet]'") from error
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=["text"]):
                if not batch.num_columns:
                    raise _core.CorpusError(f"{os.fspath(path)}: no column 'text'")
                yield [text for text in batch.column(0).to_pylist() if text is not None]
    except pa.ArrowInvalid as error:
        raise _core.CorpusError(f"{os.fspath(path)}: {error}") from error


def _json_text(path: StrPath, number: int, line: str) -> str:
    try:
        record: Any = json.loads(line)
    except ValueError as error:
        raise _core.CorpusError(f"{os.fspath(path)}: line {number}: not JSON: {error}") from None
    text = record.get("text") if isinstance(record, dict) else None
    if not isinstance(text, str):
        raise _core.CorpusError(f"{os.fspath(path)}: line {number}: no field 'text' that is a string")
    return text
