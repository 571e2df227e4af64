"""Inputs as users give them: files, folders, globs, URLs, data sets; resolved to a list that does not change."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from eurotok import _core
from eurotok.shards.output import HIDDEN

STDIN = "-"
"""Standard input: JSON Lines."""

LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Z][A-Za-z0-9]+)?")
"""A name of a file, without its ending, or of a folder that stands for a language."""

UNDETERMINED = "und"
EDGE = 1 << 16
"""Bytes at either end of a file that its fingerprint is made of."""

READ = (".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow")
COMPRESSED = (".gz", ".zst", ".zstd", ".xz")

Inputs = Any
"""A file, folder, glob, URL or `-`, a data set, an iterable of these, or a dict from the name of a source to them."""


@dataclass(frozen=True)
class Input:
    """One file, or the like.

    Attributes
    ----------
    path
        An absolute path, a URL, `-`, or a name for documents in memory.
    size
        Bytes, as they are stored; 0 if nobody knows.
    fingerprint
        A hash of the size and of the first and last bytes: enough to see that a file is another, cheap for terabytes.
    source
        The name that counts go by.
    language
        A tag such as `fr`; `und` if nothing tells it.
    """

    path: str
    size: int
    fingerprint: str
    source: str
    language: str

    def to_json(self) -> dict[str, Any]:
        """Give the arguments of `Input`."""
        return asdict(self)

    @property
    def name(self) -> str:
        """The name without the folder."""
        return PurePosixPath(self.path).name or self.path


@dataclass
class Resolved:
    """Inputs, and the objects in memory among them by their paths."""

    inputs: list[Input]
    objects: dict[str, Any]


def is_url(path: str) -> bool:
    """Tell a URL from a path."""
    return "://" in path


def is_read(name: str) -> bool:
    """Tell by the ending of a name whether its file is read."""
    lower = name.lower()
    for ending in COMPRESSED:
        lower = lower.removesuffix(ending)
    return lower.endswith(READ)


def resolve(inputs: Inputs) -> Resolved:
    """Find all files, in the given order. The files of a folder or a glob are sorted by name.

    Raises
    ------
    OSError
        If a file is not there.
    CorpusError
        If a folder or a glob holds no file that is read.
    ValueError
        If there is none at all, or one is given twice.
    """
    found = Resolved([], {})
    if isinstance(inputs, Mapping):
        for source, members in inputs.items():
            _add(found, members, str(source))
    else:
        _add(found, inputs, None)
    if not found.inputs:
        raise ValueError("inputs: no file to read")
    seen: set[str] = set()
    for it in found.inputs:
        if it.path in seen:
            raise ValueError(f"{it.path}: given twice")
        seen.add(it.path)
    return found


def _add(found: Resolved, members: Any, source: str | None) -> None:  # noqa: ANN401
    if hasattr(members, "_fingerprint") and hasattr(members, "with_format"):
        path = f"dataset:{len(found.objects)}"
        found.objects[path] = members
        stamp = hashlib.sha256(f"{members._fingerprint} {members.num_rows}".encode()).hexdigest()
        found.inputs.append(Input(path, int(members.num_rows), stamp, source or path, _language(path, source)))
    elif isinstance(members, (str, os.PathLike)):
        for path in _paths(os.fspath(members)):
            found.inputs.append(_input(path, source))
    elif isinstance(members, Iterable) and not isinstance(members, (bytes, Mapping)):
        for member in members:
            _add(found, member, source)
    else:
        raise TypeError(f"inputs: files, folders, URLs or data sets are needed, not {type(members).__name__}")


def _paths(path: str) -> list[str]:
    if path == STDIN:
        return [path]
    if is_url(path):
        return _expand_url(path)
    if not os.path.exists(path) and glob.has_magic(path):  # noqa: PTH110
        matches = sorted(it for it in glob.glob(path, recursive=True) if Path(it).is_file())  # noqa: PTH207
        if not matches:
            raise _core.CorpusError(f"{path}: no file matches")
        return [os.path.abspath(it) for it in matches]  # noqa: PTH100
    if Path(path).is_dir():
        files = []
        for place, folders, names in os.walk(path):
            if HIDDEN in folders:  # shards, perhaps those of this very run
                folders.clear()
                continue
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            files += [str(Path(place, it).absolute()) for it in names if is_read(it) and not it.startswith(".")]
        if not files:
            raise _core.CorpusError(f"{path}: no file here that is read ({', '.join(READ)}, plain or compressed)")
        return sorted(files)
    return [os.path.abspath(path)]  # noqa: PTH100 - `Path.absolute` keeps `..`


def _expand_url(url: str) -> list[str]:
    """Find the files of a URL: the files that match a glob, the files of a folder, or the URL itself."""
    if not glob.has_magic(url) and is_read(url):
        return [url]
    with _reaching(url) as (system, place):
        if glob.has_magic(url):
            found = [it for it in sorted(system.glob(place)) if system.isfile(it)]
            fault = "no file matches"
        elif system.isdir(place):
            found = [it for it in sorted(system.find(place)) if is_read(it) and "/." not in it.removeprefix(place)]
            fault = f"no file here that is read ({', '.join(READ)}, plain or compressed)"
        else:
            return [url]
    if not found:
        raise _core.CorpusError(f"{url}: {fault}")
    return [system.unstrip_protocol(it) for it in found]


@contextmanager
def _reaching(url: str) -> Iterator[tuple[Any, str]]:
    """Give the file system of a URL and the path in it; each of its errors is the system's, and names the URL."""
    try:
        import fsspec
    except ImportError as error:
        raise ImportError(f"{url}: URLs need fsspec: pip install 'eurotok[url]'") from error
    try:
        reached: tuple[Any, str] = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:  # the protocol's package is absent, or there is no such protocol
        raise type(error)(f"{url}: {error}") from error
    try:
        yield reached
    except OSError:
        raise
    except Exception as error:  # each package has errors of its own
        raise OSError(f"{url}: {type(error).__name__}: {error}") from error


def open_url(url: str) -> IO[bytes]:
    """Open a file on another machine."""
    with _reaching(url) as (system, place):
        opened: IO[bytes] = system.open(place, "rb")
    return opened


def _input(path: str, source: str | None) -> Input:
    if path == STDIN:
        return Input(path, 0, "", source or "stdin", _language(path, source))
    size, stamp = fingerprint(path)
    return Input(path, size, stamp, source or _stem(path), _language(path, source))


def fingerprint(path: str) -> tuple[int, str]:
    """Give the size of a file, and a hash of it with the bytes at both ends."""
    if is_url(path):
        with open_url(path) as file:
            size = int(getattr(file, "size", 0) or 0)
            return size, _hash(file, size)
    size = Path(path).stat().st_size
    if not Path(path).is_file():
        Path(path).open("rb").close()  # a folder is the system's error
        return 0, ""
    with Path(path).open("rb") as file:
        return size, _hash(file, size)


def _hash(file: IO[bytes], size: int) -> str:
    digest = hashlib.sha256(f"{size} ".encode())
    digest.update(file.read(EDGE))
    if size > EDGE:
        file.seek(max(EDGE, size - EDGE))
        digest.update(file.read(EDGE))
    return digest.hexdigest()


def _stem(path: str) -> str:
    name = PurePosixPath(path).name
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    for ending in READ:
        name = name.removesuffix(ending)
    return name


def _language(path: str, source: str | None) -> str:
    parents = list(reversed(PurePosixPath(path).parts[:-1]))[:1]
    for name in (source, _stem(path), *parents):
        if name and LANGUAGE.fullmatch(name):
            return name
    return UNDETERMINED
