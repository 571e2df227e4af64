"""Files that appear whole or not at all; results as JSON."""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from eurotok._core import FormatError
from eurotok.escape import json_text

Result = TypeVar("Result")


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
        The file to write to: a temporary one in the folder of `path`, removed if anything fails.

    Raises
    ------
    OSError
        What the system said, naming `path`: no such folder, no permission, a full disk.
    """
    target = Path(path).resolve()
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                part.chmod(target.stat().st_mode & 0o7777)
            part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        error.filename, error.filename2 = os.fspath(path), None
        raise


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
