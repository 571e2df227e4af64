"""Standard streams, and files of the command line, where `-` is standard input or standard output."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter, BytesIO, RawIOBase, TextIOWrapper
from pathlib import Path
from tempfile import gettempdir
from typing import IO, NoReturn

import numpy as np
from numpy.typing import NDArray

from eurotok.corpus import decode_utf8, read_texts
from eurotok.files import replacing

DASH = "-"


class Closed(RawIOBase):
    """A standard stream that was closed before the command began (`>&-`, `<&-`): to use it is an error that names it.

    Parameters
    ----------
    name
        What the error calls it.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def readable(self) -> bool:
        """Say yes, so that a reader can be made."""
        return True

    def writable(self) -> bool:
        """Say yes, so that a writer can be made."""
        return True

    def readinto(self, _: object) -> NoReturn:
        """Fail."""
        raise OSError(errno.EBADF, "it is closed", self._name)

    def write(self, _: object) -> NoReturn:
        """Fail."""
        raise OSError(errno.EBADF, "it is closed", self._name)


def open_standard() -> None:
    """Make the standard streams usable: a closed one fails when used, but for standard error, which then says nothing.

    The number of a closed one is taken, or the next file that is opened would get it. A character that a terminal lacks
    becomes another one, so that it still gets the rest.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    if sys.stdin is None:
        sys.stdin = TextIOWrapper(BufferedReader(Closed("standard input")), encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = TextIOWrapper(BufferedWriter(Closed("standard output")), encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def close_standard() -> None:
    """Write what was printed before an error; if that is impossible, forget it, or the interpreter fails on exit."""
    try:
        sys.stdout.flush()
    except OSError:
        if sys.__stdout__ is None:
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open
            return
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.__stdout__.fileno())
        os.close(devnull)


def standard_input(errors: str) -> str:
    """Read standard input, which is one text."""
    return decode_utf8(sys.stdin.buffer.read(), "standard input", errors)


def texts(path: str, errors: str) -> Iterator[list[str]]:
    """Read the texts of a file, as `eurotok.corpus.read_texts` does; standard input is one text."""
    return iter([[standard_input(errors)]]) if path == DASH else read_texts(path, errors)


@contextmanager
def output(path: str) -> Iterator[IO[bytes]]:
    """Open a file that appears whole or not at all, or standard output."""
    if path == DASH:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with replacing(path) as file:
            yield file


def save_or_keep(save: Callable[[str], object], path: str, spare: str) -> None:
    """Save a result where the user wants it, or else where it can be: the work of hours is not lost.

    Parameters
    ----------
    save
        Writes the result to a path, in the format that its ending names.
    path
        Where it is wanted.
    spare
        The ending of a format that holds any such result. A file of this ending is tried beside `path`, then in the
        folder for temporary files. It never replaces another one.

    Raises
    ------
    OSError
        What `save` raises for `path`, if the result cannot be kept anywhere.
    ValueError
        The same, or why `path` cannot be written and where the result is instead.
    """
    try:
        save(path)
    except (OSError, ValueError) as error:
        kept = _keep(save, Path(path), spare)
        if kept is None:
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"{path}: {reason}; the result is in {kept}") from error


def _keep(save: Callable[[str], object], path: Path, spare: str) -> Path | None:
    """Save a result near `path` or in the folder for temporary files, and say where."""
    stem = path.name.removesuffix(path.suffix)
    for folder in (path.parent, Path(gettempdir())):
        places = (folder / f"{stem}{number}{spare}" for number in ("", *range(1, 100)))
        place = next((place for place in places if not place.exists()), None)
        with suppress(OSError, ValueError):
            if place is not None:
                save(os.fspath(place))
                return place
    return None


def write_ids(file: IO[bytes], ids: NDArray[np.uint32]) -> None:
    """Write an `.npy` file. Unlike `numpy.save`, to a pipe, too."""
    header = np.lib.format.header_data_from_array_1_0(ids)  # type: ignore[no-untyped-call,unused-ignore]
    np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call,unused-ignore]
    file.write(ids.data)


def read_ids(path: str, dtype: str | None = None) -> NDArray[np.integer]:
    """Read ids as `eurotok encode` writes them: an `.npy` file, or a `.bin` of integers alone.

    Parameters
    ----------
    path
        The file, or `-` for standard input.
    dtype
        Type of the integers of a file without a header; by default what the file of offsets beside it leaves for each.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no array of integers in one dimension, or nothing tells the type of its integers.
    """
    content = sys.stdin.buffer.read() if path == DASH else Path(path).read_bytes()
    name = "standard input" if path == DASH else path
    if dtype is not None or path.endswith(".bin"):
        return _headless(name, content, np.dtype(dtype).itemsize if dtype else _width(Path(path), len(content)))
    if not content.startswith(MAGIC):
        raise ValueError(f"{name}: not an .npy file; integers without a header need --dtype or a name in .bin")
    return _array(name, content)


MAGIC = b"\x93NUMPY"
"""How an `.npy` file begins."""


def _array(name: str, content: bytes) -> NDArray[np.integer]:
    file = BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call,unused-ignore]
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)  # type: ignore[no-untyped-call,unused-ignore]
    except Exception:  # a damaged header is read as Python, and fails in as many ways
        raise ValueError(f"{name}: the header of the .npy file is damaged") from None
    if len(shape) != 1 or dtype.kind not in "iu":
        raise ValueError(f"{name}: not a one-dimensional array of integers")
    there, expected = len(content) - file.tell(), shape[0] * dtype.itemsize
    if there != expected:
        raise ValueError(f"{name}: damaged: {there:,} bytes of ids, but its header tells of {expected:,}")
    return np.frombuffer(content, dtype, offset=file.tell())


def _headless(name: str, content: bytes, width: int) -> NDArray[np.integer]:
    if len(content) % width:
        raise ValueError(f"{name}: {len(content):,} bytes are no whole number of integers of {width} bytes")
    return np.frombuffer(content, f"<u{width}")


def _width(path: Path, size: int) -> int:
    """Tell how many bytes each integer of a `.bin` has, by the number of ids that the file beside it ends with."""
    offsets = path.with_suffix(".offsets.npy")
    try:
        ends = _array(str(offsets), offsets.read_bytes())
    except FileNotFoundError:
        raise ValueError(
            f"{path}: nothing tells the type of its integers: {offsets} is not there; give --dtype"
        ) from None
    count = int(ends[-1]) if ends.size else 0
    if size == count == 0:
        return 4
    for width in (2, 4):
        if size == width * count:
            return width
    raise ValueError(f"{path}: {size:,} bytes are not the {count:,} ids that {offsets} tells of")
