"""Two halves of a parallel text: one to steer training by, one to compare on."""

from __future__ import annotations

import os
from pathlib import Path

from eurotok import _core
from eurotok.corpus import StrPath, find_languages, read_lines
from eurotok.files import replacing
from eurotok.literals import Errors

DOCUMENTS = "DOCUMENT_IDS.tsv"
"""Beside a parallel text: the document of each of its lines, in the first column."""

BLOCK = 20
"""Lines that stay together where documents are not known: sentences of one document resemble each other."""


def split_parallel(folder: StrPath, first: StrPath, second: StrPath, errors: Errors = "strict") -> tuple[int, int]:
    """Write the odd documents of a parallel text to one folder, the even ones to another.

    Parameters
    ----------
    folder
        A folder of parallel text in files, of which line i is the same sentence in each. If it has a
        `DOCUMENT_IDS.tsv`, documents stay whole, else blocks of 20 lines do.
    first, second
        The folders to make: `<lang>.txt` of each language, and the document of each line.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.

    Returns
    -------
    tuple of int
        How many sentences each has.

    Raises
    ------
    OSError
        If a file cannot be read or written.
    CorpusError
        If the numbers of lines differ.
    ValueError
        If an output folder holds something already, or the text is a single document or block.
    """
    for out in (first, second):
        if Path(out).exists() and any(Path(out).iterdir()):
            raise ValueError(f"{os.fspath(out)}: holds something already; name a folder to make")
    if Path(first).resolve() == Path(second).resolve():
        raise ValueError(f"{os.fspath(first)}: both halves cannot go to one folder")
    lines = {
        language: [line for path in paths for line in read_lines(path, errors)]
        for language, paths in find_languages(folder).items()
    }
    size = len(next(iter(lines.values())))
    documents = Path(folder, DOCUMENTS)
    if documents.is_file():
        marks = [line.partition("\t")[0] for line in documents.read_text(encoding="utf-8").splitlines()]
    else:
        marks = [f"block {1 + number // BLOCK}" for number in range(size)]
    for name, count in [*((language, len(each)) for language, each in lines.items()), (DOCUMENTS, len(marks))]:
        if count != size:
            raise _core.CorpusError(f"{os.fspath(folder)}: {name} has {count:,} lines, {next(iter(lines))} {size:,}")
    number = {mark: place for place, mark in enumerate(dict.fromkeys(marks))}
    halves = [[place for place, mark in enumerate(marks) if number[mark] % 2 == half] for half in (0, 1)]
    if not halves[1]:
        raise ValueError(f"{os.fspath(folder)}: {size:,} sentences of a single document: nothing to split")
    for out, kept in zip((first, second), halves, strict=True):
        Path(out).mkdir(parents=True, exist_ok=True)
        for name, each in [*((f"{language}.txt", each) for language, each in lines.items()), (DOCUMENTS, marks)]:
            with replacing(Path(out, name)) as file:
                file.write("".join(f"{each[place]}\n" for place in kept).encode())
    return len(halves[0]), len(halves[1])
