"""NumPy's own files: `.npy` with the ids, `.offsets.npy` with where documents begin, as `encode_files` has them."""

from __future__ import annotations

import ast
import struct
from pathlib import Path
from typing import Any

import numpy as np

from eurotok._core import FormatError
from eurotok.shards.encoded import Encoded
from eurotok.shards.formats.base import Format, Settings, Shard, Writer, mapped, mask_of, rising
from eurotok.shards.output import Hashed, Output

HEADER = 128
"""Bytes before the numbers."""


def _header(dtype: np.dtype[Any], count: int) -> bytes:
    described = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': ({count},), }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", HEADER - 10) + described.ljust(HEADER - 11) + b"\n"


def _open(path: Path) -> Any:  # noqa: ANN401 - an array of the type that the file states
    with path.open("rb") as file:
        head = file.read(HEADER)
    try:
        if head[:8] != b"\x93NUMPY\x01\x00":
            raise ValueError
        length = struct.unpack("<H", head[8:10])[0]
        described = ast.literal_eval(head[10 : 10 + length].decode("latin-1").strip())
        (count,) = described["shape"]
        dtype = np.dtype(described["descr"])
        if dtype.kind not in "iu" or length + 10 > HEADER:
            raise ValueError
    except (ValueError, SyntaxError, KeyError, TypeError, struct.error):
        raise FormatError(f"{path}: not a one-dimensional .npy file of integers") from None
    return mapped(path, dtype, length + 10, count)


class _Writer(Writer):
    """Both lengths are known at the end: the numbers wait in a spool, so that a hash sees the header first."""

    def __init__(self, output: Output, stem: str, settings: Settings) -> None:
        self._dtype = settings.dtype
        self._files = output.open(f"{stem}.npy"), output.open(f"{stem}.offsets.npy")
        self._ids, self._ends = output.spool(settings.dtype.str), output.spool("<i8")
        self._mask = output.open(f"{stem}.mask.npy") if settings.masks else None
        self._values = output.spool("|u1") if settings.masks else None
        self._tokens = 0

    def add(self, batch: Encoded) -> None:
        self._ids.add(batch.ids.astype(self._dtype, copy=False))
        if self._ends.count == 0:
            self._ends.add(np.zeros(1, dtype=np.int64))
        self._ends.add(batch.offsets[1:] + self._tokens)
        if self._values and batch.mask is not None:
            self._values.add(batch.mask)
        self._tokens += int(batch.offsets[-1])

    def close(self) -> None:
        for file, spool, dtype in zip(
            self._files, (self._ids, self._ends), (self._dtype, np.dtype("<i8")), strict=True
        ):
            self._copy(file, spool, dtype)
        if self._mask:
            self._copy(self._mask, self._values, np.dtype("|u1"))

    @staticmethod
    def _copy(file: Hashed, spool: Any, dtype: np.dtype[Any]) -> None:  # noqa: ANN401
        file.write(_header(dtype, spool.count))
        for values in spool:
            file.array(values)


class Npy(Format):
    """Arrays that `numpy.load` maps into memory."""

    has_masks = True
    name = "npy"
    main = ".npy"
    endings = (".npy", ".offsets.npy")

    def writer(self, output: Output, stem: str, settings: Settings) -> Writer:
        """Begin a shard."""
        return _Writer(output, stem, settings)

    def find(self, folder: Path) -> list[Path]:
        """List the files of ids that have offsets beside them."""
        return [path for path in super().find(folder) if path.with_suffix(".offsets.npy").exists()]

    def open(self, path: Path, dtype: np.dtype[Any] | None = None) -> Shard:  # noqa: ARG002
        """Open a shard."""
        ids, offsets = _open(path), _open(path.with_suffix(".offsets.npy"))
        if offsets.size == 0:
            raise FormatError(f"{path.with_suffix('.offsets.npy')}: it has no offset, not even the first")
        bounds = rising(path.with_suffix(".offsets.npy"), np.asarray(offsets, np.int64), ids.size)
        return Shard(path, ids, bounds, mask_of(path.with_suffix(".mask.npy"), ids.size, HEADER))
