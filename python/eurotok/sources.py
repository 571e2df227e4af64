"""Whatever a user gives as text: a folder, files, files by language, texts, or texts by language, told apart by type.

Every function that takes text takes it through this module, so that a list or a dict means the same thing everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eurotok import _core
from eurotok.arrow import column_texts
from eurotok.corpus import StrPath, find_languages, language_of, text_files
from eurotok.literals import Errors

if TYPE_CHECKING:
    import pyarrow as pa

Members = StrPath | Iterable[StrPath] | Iterable[str | None]
"""Text of one language: a file, a folder of files, files, or texts.

Texts are a column (a Series of pandas or polars, an Array or ChunkedArray of pyarrow) or any iterable of `str`; None
and other missing values hold no text. An iterable holds files if it has a `Path` or the like in it, or if each `str` is
the name of a file: all of them exist, or all of them end in `.txt`, `.jsonl` and so on. If only some exist, it is
refused. The first thousand items decide.
"""

Source = Members | Mapping[str, Members]
"""Text by language: a folder (see `eurotok.corpus.find_languages`), or a dict of `Members`.

Without languages: `Members`. Files then have the language of their name (`fr.txt`), or `und` if it tells none, as
texts do.
"""

UNDETERMINED = "und"
"""The language of texts that come without one, as BCP 47 writes it."""

BATCH = 1024
"""Texts of an iterable held at a time, and looked at to tell files from texts."""

LONGEST_NAME = 4096
"""Bytes of a path that Linux takes; a longer `str` is a text."""


@dataclass(frozen=True)
class Texts:
    """Texts in memory.

    Attributes
    ----------
    batches
        The texts, some at a time, to be gone through once; None where one is missing.
    """

    batches: Iterator[list[str | None]]

    def present(self) -> Iterator[list[str]]:
        """Give the texts without the missing ones."""
        return ([text for text in batch if text is not None] for batch in self.batches)


Given = dict[str, list[Path] | Texts]
"""The files or the texts of each language."""


def by_language(source: Source, errors: Errors = "strict") -> Given:
    """Tell what a source is.

    Parameters
    ----------
    source
        The source.
    errors
        What columns of bytes do where these are not UTF-8: `"strict"` or `"replace"`.

    Returns
    -------
    dict of str to list of Path or Texts
        The files or the texts of each language.

    Raises
    ------
    TypeError
        If it is nothing that holds texts, such as a table; the sentence says what to pass.
    ValueError
        If an iterable of `str` has names of files among texts.
    OSError, CorpusError
        If a folder cannot be read or holds no text.

    Examples
    --------
    >>> by_language({"fr": Path("a.txt"), "de": ["b.txt", "c.txt"]})
    {'fr': [PosixPath('a.txt')], 'de': [PosixPath('b.txt'), PosixPath('c.txt')]}
    >>> list(by_language(["un", "deux"])["und"].batches)
    [['un', 'deux']]
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        path.stat()  # a name that nothing has is the system's error
        return dict(find_languages(path)) if path.is_dir() else {language_of(path) or UNDETERMINED: [path]}
    if isinstance(source, Mapping):
        found: Given = {}
        for language, members in source.items():
            if not isinstance(language, str):
                raise TypeError(f"a language is a str, not {language!r}; pass {{language: files or texts}}")
            resolved = _members(members, errors, f"text of {language!r}")
            found[language] = resolved if isinstance(resolved, Texts) else list(_files(resolved))
        return found
    members = _members(source, errors, "text")
    if isinstance(members, Texts):
        return {UNDETERMINED: members}
    files: dict[str, list[Path]] = {}
    for path in members:
        within = find_languages(path) if path.is_dir() else {language_of(path) or UNDETERMINED: [path]}
        for language, paths in within.items():
            files.setdefault(language, []).extend(paths)
    return dict(files)


def list_files(source: Source) -> dict[str, list[Path]]:
    """List the files of each language, where nothing but files will do. Errors as for `by_language`."""
    found = by_language(source)
    if any(isinstance(members, Texts) for members in found.values()):
        raise TypeError("expected a folder or files, not texts in memory")
    return {language: members for language, members in found.items() if not isinstance(members, Texts)}


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Put the text files of a folder in its place."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        files = text_files(path)
        if not files:
            raise _core.CorpusError(f"{path}: no text files here")
        yield from files


def _members(members: object, errors: Errors, what: str) -> list[Path] | Texts:
    if isinstance(members, (str, os.PathLike)):
        return [Path(members)]
    wanted = "pass a folder, files, or texts: any iterable of str, such as a column"
    if hasattr(members, "columns") or hasattr(members, "column_names"):
        raise TypeError(f"{what}: a {_kind(members)} is a table: pass its column of texts, such as table['text']")
    if hasattr(members, "to_pylist") and hasattr(members, "type"):
        return Texts(_arrow_batches(members, errors, what))
    if hasattr(members, "notna") and hasattr(members, "astype"):  # of pandas, which has several missing values
        members = members.astype(object).where(members.notna(), None)
    if isinstance(members, (bytes, bytearray, memoryview, Mapping)) or not isinstance(members, Iterable):
        raise TypeError(f"{what}: {_kind(members)} holds no texts: {wanted}")
    items = iter(members)
    head = list(islice(items, BATCH))
    for number, item in enumerate(head):
        if not isinstance(item, (str, os.PathLike)) and item is not None:
            raise TypeError(f"{what}: item {number} is a {_kind(item)}, not a str: {wanted}")
    if _are_files(head, what):
        return [Path(item) for item in chain(head, items)]
    return Texts(_batches(chain(head, items), what))


def _are_files(head: list[Any], what: str) -> bool:
    if not head or None in head:
        return False
    if any(isinstance(item, os.PathLike) for item in head):
        return True
    # Not `Path.exists`, which raises for a text that is too long for a name.
    exist = [item for item in head if len(item) < LONGEST_NAME and os.path.exists(item)]  # noqa: PTH110
    if exist and len(exist) < len(head):
        raise ValueError(
            f"{what}: {exist[0]!r} is the name of a file, and others of these are not: pass files as pathlib.Path; "
            "texts can be added one language at a time with Counts.add_texts"
        )
    # Names of files that are not there are no texts: whoever opens them says so.
    return bool(exist) or all("\n" not in item and _core.file_name(item)[1] is not None for item in head)


def _batches(items: Iterable[Any], what: str) -> Iterator[list[str | None]]:
    items, before = iter(items), 0
    while batch := list(islice(items, BATCH)):
        for number, item in enumerate(batch, before):
            if not isinstance(item, str) and item is not None:
                raise TypeError(f"{what}: item {number} is a {_kind(item)}, not a str")
        yield batch
        before += len(batch)


def _arrow_batches(column: pa.ChunkedArray, errors: Errors, what: str) -> Iterator[list[str | None]]:
    before = 0
    for chunk in getattr(column, "chunks", [column]):
        for start in range(0, len(chunk), BATCH):
            yield column_texts(chunk.slice(start, BATCH), errors, what, before + start)
        before += len(chunk)


def _kind(value: object) -> str:
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__qualname__}".removeprefix("builtins.")
