"""Files of ids, as `eurotok encode` writes them."""

import sys
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from eurotok.cli.streams import DASH


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
        Type of the integers of a file without a header; by default computed from the file of offsets beside it.

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
"""The first bytes of an `.npy` file."""


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
