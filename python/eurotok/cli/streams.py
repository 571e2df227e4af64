"""Standard streams, and files of the command line, where `-` is standard input or standard output."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import IO, NoReturn

from eurotok.literals import Errors

DASH = "-"


class Closed(RawIOBase):
    """A standard stream that was closed before the command began (`>&-`, `<&-`): to use it is an error that names it.

    Parameters
    ----------
    name
        The name in the error.
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
    """Write the text that was printed before an error.

    If that is impossible, drop it, or the interpreter fails on exit.
    """
    try:
        sys.stdout.flush()
    except OSError:
        if sys.__stdout__ is None:
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - stays open
            return
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.__stdout__.fileno())
        os.close(devnull)


def standard_input(errors: Errors) -> str:
    """Read standard input, which is one text."""
    from eurotok.corpus import decode_utf8

    return decode_utf8(sys.stdin.buffer.read(), "standard input", errors)


def texts(path: str, errors: Errors) -> Iterator[list[str]]:
    """Read the texts of a file, as `eurotok.corpus.read_texts` does; standard input is one text."""
    from eurotok.corpus import read_texts

    return iter([[standard_input(errors)]]) if path == DASH else read_texts(path, errors)


@contextmanager
def output(path: str) -> Iterator[IO[bytes]]:
    """Open a file that appears whole or not at all, or standard output."""
    if path == DASH:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        from eurotok.files import replacing

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
        The ending of a format that holds any result. A file of this ending is tried beside `path`, then in the folder
        for temporary files. It never replaces another one.

    Raises
    ------
    OSError
        The error of `save` for `path`, if the result cannot be kept anywhere.
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
    from tempfile import gettempdir

    stem = path.name.removesuffix(path.suffix)
    for folder in (path.parent, Path(gettempdir())):
        places = (folder / f"{stem}{number}{spare}" for number in ("", *range(1, 100)))
        place = next((place for place in places if not place.exists()), None)
        with suppress(OSError, ValueError):
            if place is not None:
                save(os.fspath(place))
                return place
    return None
