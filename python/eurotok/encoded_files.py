"""Files of text on their way to files of ids: documents in the order of their files, and the names that are written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from eurotok.corpus import StrPath, is_parquet, read_texts
from eurotok.literals import Errors
from eurotok.progress import Report


@dataclass(frozen=True)
class EncodedFiles:
    """The amounts that `Tokenizer.encode_files` wrote.

    Attributes
    ----------
    documents, tokens, bytes
        How many documents there were, how many ids, separators included, and how many bytes of text in UTF-8.
    offsets
        The file of offsets.
    """

    documents: int
    tokens: int
    bytes: int
    offsets: Path


def offsets_path(output: StrPath) -> Path:
    """Name the file of offsets beside a file of ids.

    Raises
    ------
    ValueError
        If it holds the offsets of another file of ids: `t.bin` and `t.npy` would both have `t.offsets.npy`.

    Examples
    --------
    >>> offsets_path("ids.bin").name
    'ids.offsets.npy'
    """
    offsets = Path(output).with_suffix(".offsets.npy")
    for suffix in (".npy", ".bin"):
        other = Path(output).with_suffix(suffix)
        if other.suffix != Path(output).suffix and offsets.exists() and other.exists():
            raise ValueError(
                f"{os.fspath(output)}: {offsets.name} holds the offsets of {other.name}; choose another name"
            )
    return offsets


class Sources:
    """Documents in the order of their files, as the core takes them: files for it to read, or texts.

    Parameters
    ----------
    paths
        The files, which must be there.
    errors
        `"strict"` or `"replace"`, for parquet: the core has its own.
    """

    def __init__(self, paths: Sequence[Path], errors: Errors) -> None:
        if not paths:
            raise ValueError("paths: no file to encode")
        self._sizes = {path: path.stat().st_size for path in paths}
        self._paths, self._errors = paths, errors
        self._done = 0

    def __iter__(self) -> Iterator[tuple[list[str], list[str]]]:
        for parquet, group in groupby(self._paths, is_parquet):
            files = list(group)
            if parquet:
                for path in files:
                    yield from self._rows(path)
            else:
                yield [os.fspath(path) for path in files], []
                self._done += sum(self._sizes[path] for path in files)

    def telling(self, report: Report) -> Report:
        """Make a report of all files from that of the core, which is given some of them at a time."""
        total = sum(self._sizes[path] for path in self._paths)
        return lambda stage, done, _: report(stage, self._done + done, total)

    def _rows(self, path: Path) -> Iterator[tuple[list[str], list[str]]]:
        before, seen, rows = self._done, 0, 0
        for texts in read_texts(path, self._errors):
            yield [], texts
            seen, rows = seen + len(texts), rows or _count_rows(path)
            self._done = before + self._sizes[path] * seen // rows
        self._done = before + self._sizes[path]


def _count_rows(path: Path) -> int:
    from pyarrow.parquet import read_metadata

    return int(read_metadata(path).num_rows)
