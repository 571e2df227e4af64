"""Files of the command line, where `-` is standard input or standard output."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from eurotok.corpus import decode_utf8, read_texts
from eurotok.files import replacing

DASH = "-"


def texts(path: str, errors: str) -> Iterator[list[str]]:
    """Read the texts of a file, as `eurotok.corpus.read_texts` does; standard input is one text."""
    if path == DASH:
        return iter([[decode_utf8(sys.stdin.buffer.read(), "standard input", errors)]])
    return read_texts(path, errors)


@contextmanager
def output(path: str) -> Iterator[IO[bytes]]:
    """Open a file that appears whole or not at all, or standard output."""
    if path == DASH:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with replacing(path) as file:
            yield file


def check_folder(path: str) -> None:
    """Refuse a file that could not be written before the work is done rather than after."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(folder))


def write_ids(file: IO[bytes], ids: NDArray[np.uint32]) -> None:
    """Write an `.npy` file. Unlike `numpy.save`, to a pipe, too."""
    header = np.lib.format.header_data_from_array_1_0(ids)  # type: ignore[no-untyped-call,unused-ignore]
    np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call,unused-ignore]
    file.write(ids.data)


def read_ids(path: str) -> NDArray[np.integer]:
    """Read an `.npy` file of ids.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is not an array of integers in one dimension.
    """
    try:
        array = np.load(BytesIO(sys.stdin.buffer.read()) if path == DASH else path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: not an .npy file: {error}") from None
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{path}: not a one-dimensional array of integers")
    return array
