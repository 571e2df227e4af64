"""Folders of text by language, and the texts inside files."""

from __future__ import annotations

import codecs
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from eurotok import _core
from eurotok.arrow import read_column
from eurotok.languages import LANGUAGE_NAMES, code_of_name, resolve
from eurotok.literals import Errors

StrPath = str | os.PathLike[str]

LANGUAGE = re.compile(r"[a-z][a-z0-9]*([-_][A-Za-z0-9]+)*")
"""The names of files and folders that hold a language: `fr`, `sr-Latn`, `fra_Latn`, `code`."""

SHOWN = 5
"""Files that a warning names before the rest is only counted."""


def is_parquet(path: StrPath) -> bool:
    """Tell by its name whether a file is parquet, which the core does not read."""
    return _core.file_name(path)[1:] == ("parquet", None)


def is_text(path: StrPath) -> bool:
    """Tell by its name, in upper or lower case, whether a file holds texts in a form that is read.

    Examples
    --------
    >>> is_text("fr.txt.zst"), is_text("FR.JSONL"), is_text("fr.tsv"), is_text("fr.parquet.gz")
    (True, True, False, False)
    """
    _, form, compression = _core.file_name(path)
    return form is not None and (form != "parquet" or compression is None)


def language_of(path: StrPath) -> str | None:
    """Tell the language of a text file by its name, or None if it names none.

    Examples
    --------
    >>> language_of("corpus/sr-Latn.jsonl.gz"), language_of("FR.TXT"), language_of("part 1.txt"), language_of("fr.tsv")
    ('sr-Latn', 'fr', None, None)
    """
    return _language(_core.file_name(path)[0]) if is_text(path) else None


def _language(stem: str) -> str | None:
    """Tell the language that a file or a folder is named after; one in capitals is a known code or none: README."""
    if LANGUAGE.fullmatch(stem):
        return stem
    code = resolve(stem, LANGUAGE_NAMES)
    return code if code in LANGUAGE_NAMES and code_of_name(stem) is None else None


def find_languages(folder: StrPath) -> dict[str, list[Path]]:
    """Find the text files of each language in a folder.

    Parameters
    ----------
    folder
        Holds `<lang>.txt`, `<lang>.jsonl` (each line an object with a field `text`; `.ndjson` and `.json` alike) or
        `<lang>.parquet` (column `text`), plain or `.gz`/`.zst`, or folders `<lang>` of such files. Hidden files and
        folders, whose names begin with a dot, are left out. A warning names other files that may be meant as text.

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
    unread: list[Path] = []
    for entry in sorted(Path(folder).iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            named = _language(entry.name)
            if named is None:
                continue
            files, others = _walk(entry)
            unread.extend(others)
            if files:
                found.setdefault(named, []).extend(files)
        elif language := language_of(entry):
            found.setdefault(language, []).append(entry)
        elif is_text(entry) or (entry.suffix and LANGUAGE.fullmatch(entry.name.partition(".")[0])):
            unread.append(entry)
    if not found:
        raise _core.CorpusError(
            f"{os.fspath(folder)}: no languages here: expected <lang>.txt, <lang>.jsonl, <lang>.parquet or folders "
            "<lang> of them"
        )
    if unread:
        names = [str(path.relative_to(folder)) for path in unread[:SHOWN]]
        more = f" and {len(unread) - SHOWN} more" if len(unread) > SHOWN else ""
        warnings.warn(f"{os.fspath(folder)}: not read as text of a language: {', '.join(names)}{more}", stacklevel=1)
    return dict(sorted(found.items()))


def text_files(folder: StrPath) -> list[Path]:
    """List the text files in a folder and the folders in it, but for hidden ones, in alphabetical order."""
    return _walk(Path(folder))[0]


def _walk(folder: Path) -> tuple[list[Path], list[Path]]:
    """List text files, and other files that are not hidden."""
    texts: list[Path] = []
    others: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                (texts if is_text(name) else others).append(Path(place, name))
    return sorted(texts), sorted(others)


def read_texts(path: StrPath, errors: Errors = "strict") -> Iterator[list[str]]:
    r"""Read the texts of a file, some at a time.

    Parameters
    ----------
    path
        JSON Lines (`.jsonl`, `.ndjson`, `.json`) or `.parquet`, one text a record; any other file is one text. Plain,
        `.gz` or `.zst`. Blank lines and null rows hold no text; a byte order mark is no part of one.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where bytes are not UTF-8, and where JSON has half a surrogate pair
        (`\ud83d` alone).

    Yields
    ------
    list[str]
        Texts, in order.

    Raises
    ------
    OSError
        If the file cannot be read.
    CorpusError
        If it is damaged or not UTF-8 (with the byte offset), or a record has no text (with its line or row).
    ImportError
        If it is a parquet file and pyarrow is absent.
    """
    if is_parquet(path):
        for rows in read_column(path, errors):
            yield [text for text in rows if text is not None]
    else:
        yield from _core.read_documents(path, errors)


def read_lines(path: StrPath, errors: Errors = "strict") -> list[str]:
    r"""Read the lines of a text file, or the records of JSON Lines or parquet. Errors as for `read_texts`.

    A line ends at `\n` or `\r\n`, and nowhere else. A blank line of JSON Lines and a null row are empty lines.
    """
    if is_parquet(path):
        return [text or "" for rows in read_column(path, errors) for text in rows]
    return [line for lines in _core.read_lines(path, errors) for line in lines]


def read_text(path: StrPath, errors: Errors = "strict") -> str:
    """Read a file that is one text. Errors as for `read_texts`."""
    return "".join(text for texts in read_texts(path, errors) for text in texts)


def decode_utf8(data: bytes, origin: str, errors: Errors = "strict") -> str:
    r"""Decode UTF-8, without a byte order mark.

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
        return data.decode("utf-8", errors).removeprefix(codecs.BOM_UTF8.decode())
    except UnicodeDecodeError as error:
        raise _core.CorpusError(f"{origin}: invalid UTF-8 at byte {error.start}") from None
