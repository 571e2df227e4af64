"""The files of a shard: hashed as they are written, on the disk before they have their names."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import secrets
import tempfile
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

HIDDEN = ".eurotok"
"""The folder for files that only this package reads: plan, journal, tokenizers, checksums."""

PARTIAL = ".partial"
"""The ending of a file that is being written."""

AHEAD = 4
"""Pieces of a file that wait to be hashed."""

Described = dict[str, dict[str, Any]]
"""Files by their names: `bytes` and `sha256`."""


LARGE = 1 << 18
"""Bytes from which on another thread hashes while the file is written."""


class Hashed(io.RawIOBase):
    """A file that knows its length and its SHA-256. Written bytes must not change afterwards.

    Parameters
    ----------
    file
        The file.
    path
        The name in errors.
    hasher
        One thread that hashes large pieces, in order.
    """

    def __init__(self, file: IO[bytes], path: Path, hasher: ThreadPoolExecutor) -> None:
        super().__init__()
        self._file, self._path, self._hasher = file, path, hasher
        self._sum = hashlib.sha256()
        self._hashing: deque[Future[None]] = deque()
        self.size = 0

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        """Append bytes."""
        view = memoryview(data).cast("B")
        if len(view) >= LARGE:
            self._wait(AHEAD - 1)
            self._hashing.append(self._hasher.submit(self._sum.update, view))
        else:
            self._wait(0)
            self._sum.update(view)
        try:
            self._file.write(view)
        except OSError as error:  # the system does not say which file
            raise OSError(error.errno, error.strerror, os.fspath(self._path)) from None
        self.size += len(view)
        return len(view)

    def _wait(self, rest: int) -> None:
        """Wait until at most this number of pieces waits to be hashed."""
        while len(self._hashing) > rest:
            self._hashing.popleft().result()

    def array(self, values: NDArray[Any]) -> None:
        """Append the bytes of an array."""
        if values.size:
            self.write(np.ascontiguousarray(values).data)

    def describe(self) -> dict[str, Any]:
        """Give the length and the hash."""
        self._wait(0)
        return {"bytes": self.size, "sha256": self._sum.hexdigest()}


class Spool:
    """Numbers kept in a temporary file beside the output, in place of memory."""

    STEP = 1 << 20
    """Numbers read at a time."""

    def __init__(self, folder: Path, dtype: str) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the shard
        self._dtype = np.dtype(dtype)
        self.count = 0

    def add(self, values: NDArray[Any]) -> None:
        """Append numbers."""
        if values.size:
            self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)
        self.count += values.size

    def __iter__(self) -> Any:  # noqa: ANN401 - an iterator of arrays
        """Give the numbers in arrays of some million at most."""
        self._file.seek(0)
        while data := self._file.read(self.STEP * self._dtype.itemsize):
            yield np.frombuffer(data, dtype=self._dtype)

    def close(self) -> None:
        """Forget the numbers."""
        self._file.close()


class Output:
    """Some files that get their names together: all of them are on the disk before the first is renamed.

    Parameters
    ----------
    folder
        Where the files are to stand.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, tuple[Path, IO[bytes], Hashed]] = {}
        self._hasher = ThreadPoolExecutor(1)  # its thread begins with the first large piece
        self._spools: list[Spool] = []

    def open(self, name: str) -> Hashed:
        """Begin a file."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{secrets.token_hex(6)}{PARTIAL}")
        file = part.open("xb", buffering=1 << 20)
        hashed = Hashed(file, target, self._hasher)
        self._files[name] = (part, file, hashed)
        return hashed

    def open_gzip(self, name: str) -> gzip.GzipFile:
        """Begin a compressed file, whose bytes depend on its content alone."""
        return gzip.GzipFile("", "wb", compresslevel=6, fileobj=self.open(name), mtime=0)

    def spool(self, dtype: str) -> Spool:
        """Begin a row of numbers that is kept on the disk until the shard is complete."""
        spool = Spool(self.folder, dtype)
        self._spools.append(spool)
        return spool

    def commit(self) -> Described:
        """Put all files in their places, and describe them."""
        try:
            for _, file, _ in self._files.values():
                file.flush()
                os.fsync(file.fileno())
                file.close()
            for name, (part, _, _) in self._files.items():
                part.replace(self.folder / name)
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(self.folder / next(iter(self._files)))) from None
        described = {name: hashed.describe() for name, (_, _, hashed) in self._files.items()}
        self._files = {}
        self.discard()
        return described

    def discard(self) -> None:
        """Remove the files that have no names yet."""
        self._hasher.shutdown()
        for part, file, _ in self._files.values():
            with suppress(OSError):  # of a full disk, which was raised already
                file.close()
            part.unlink(missing_ok=True)
        for spool in self._spools:
            spool.close()
        self._files, self._spools = {}, []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.discard()


def put_bytes(path: Path, data: bytes) -> None:
    """Write a small file, whole or not at all."""
    with Output(path.parent) as output:
        output.open(path.name).write(data)
        output.commit()


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Write JSON whose bytes depend on its content alone."""
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names of a folder, where the system can tell."""
    if hasattr(os, "O_DIRECTORY"):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):  # some network file systems cannot
                os.fsync(number)
        finally:
            os.close(number)


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_partial(folder: Path) -> None:
    """Remove the unfinished files of killed workers. Nobody may be at work."""
    for path in folder.rglob(f".*{PARTIAL}"):
        path.unlink(missing_ok=True)
