"""Output files: refused before the work, or whole after it; results as JSON."""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

from eurotok._core import FormatError
from eurotok.escape import json_text

Result = TypeVar("Result")


def check_outputs(outputs: Iterable[str | os.PathLike[str]], inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Refuse, before long work, output files that could not be written after it, or that would replace an input.

    Parameters
    ----------
    outputs
        The files to write, companions included. Nothing is written to them yet.
    inputs
        The files to read. One that does not exist is passed over: whoever reads it says so.

    Raises
    ------
    OSError
        If an output is a folder, or its folder is absent or cannot be written to.
    ValueError
        If an output is an input or another output: by the same path, a symbolic link or a hard link.
    """
    taken = [(path, "is an input", _identity(path)) for path in inputs]
    for output in outputs:
        target = Path(output).resolve()
        if target.exists() and not target.is_file() and not target.is_dir():
            continue  # a device or a pipe keeps nothing
        for other, role, identity in taken:
            if identity & _identity(target):
                same = "" if os.fspath(other) == os.fspath(output) else f" (as {os.fspath(other)})"
                raise ValueError(f"{os.fspath(output)}: {role} of the same work{same}; choose another name to write to")
        taken.append((output, "is another output", _identity(target)))
        try:
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not target.parent.exists():
                raise FileNotFoundError(errno.ENOENT, "No such folder")
            with TemporaryFile(dir=target.parent):
                pass
        except OSError as error:
            raise _named(error, output if target.is_dir() else Path(output).parent) from None


def _identity(path: str | os.PathLike[str]) -> set[object]:
    """Give all by which a file is known: its path without links and, if it exists, its number on its device."""
    try:
        status = Path(path).stat()
    except OSError:
        return {Path(path).resolve()}
    return {Path(path).resolve(), (status.st_dev, status.st_ino)}


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes the place of `path` only once it is complete and on the disk.

    Parameters
    ----------
    path
        The file to make or to replace. A symbolic link is followed, so that the file it names is replaced. What is
        not an ordinary file (`/dev/null`, a named pipe) is written in place.

    Yields
    ------
    IO[bytes]
        The file to write to: a temporary one in the folder of `path`, removed if anything fails. Linux gives it no
        name until it is complete, so that not even a kill leaves it behind.

    Raises
    ------
    OSError
        What the system said, naming `path`: no such folder, no permission, a full disk.
    """
    target = Path(path).resolve()
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as device:
                yield device
            return
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            file, is_named = _begin(part)
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if not is_named:
                    _give_name(file, part)
            if target.exists():
                part.chmod(target.stat().st_mode & 0o7777)
            part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        raise _named(error, path) from None


def _named(error: OSError, path: str | os.PathLike[str]) -> OSError:
    """Give the same error about the file that was asked for."""
    return OSError(error.errno, error.strerror, os.fspath(path)) if error.errno else error


def _begin(part: Path) -> tuple[IO[bytes], bool]:
    """Open a new file, and say whether it stands at `part` already."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is not None and Path("/proc/self/fd").is_dir():
        with suppress(OSError):  # not every file system has files without a name
            return os.fdopen(os.open(part.parent, flag | os.O_RDWR, 0o666), "w+b"), False
    return part.open("xb"), True


def _give_name(file: IO[bytes], part: Path) -> None:
    """Put a file without a name at `part`: itself, or a copy where the system cannot link it."""
    folder = os.open(part.parent, os.O_RDONLY)
    try:
        # With a folder's descriptor, though the path is absolute, Python calls linkat, which follows the link in /proc.
        os.link(f"/proc/self/fd/{file.fileno()}", part.name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        file.seek(0)
        with part.open("xb") as copy:
            shutil.copyfileobj(file, copy)
            copy.flush()
            os.fsync(copy.fileno())
    finally:
        os.close(folder)


def write_json(path: str | os.PathLike[str], kind: str, content: Mapping[str, Any], indent: int | None = None) -> None:
    """Write a result as JSON that names its format, on one line unless there is an indent, whole or not at all.

    Raises
    ------
    OSError
        As for `replacing`.
    """
    text = json_text({"format": kind, **content}, indent, allow_nan=True)
    with replacing(path) as file:
        file.write(f"{text}\n".encode())


def read_json(
    path: str | os.PathLike[str], kind: str, what: str, build: Callable[[Mapping[str, Any]], Result]
) -> Result:
    """Build a result from what `write_json` wrote of it.

    Raises
    ------
    OSError
        If the file cannot be read.
    FormatError
        If it is not `what`: not JSON, of another format, or nothing to build a result from.
    """
    content = Path(path).read_bytes()
    try:
        data = json.loads(content)
        if data["format"] != kind:
            raise ValueError
        return build(data)
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: not a {what} of this version") from error
