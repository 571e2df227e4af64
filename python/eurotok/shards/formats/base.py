"""Protocols of a format: a writer and a reader of its shards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eurotok._core import FormatError
from eurotok.shards.encoded import Encoded, Ids
from eurotok.shards.output import Output


@dataclass(frozen=True)
class Settings:
    """The options for writing a shard.

    Attributes
    ----------
    dtype
        The integers of the ids.
    tokenizer
        The tokenizer's name, for formats that state it.
    vocab_size
        One more than the largest id.
    masks
        Whether documents have masks.
    """

    dtype: np.dtype[Any]
    tokenizer: str = ""
    vocab_size: int = 0
    masks: bool = False


class Writer(ABC):
    """Writes one shard: documents in, files of an `Output` out."""

    @abstractmethod
    def add(self, batch: Encoded) -> None:
        """Append documents."""

    @abstractmethod
    def close(self) -> None:
        """Write the part of the file behind the documents. The files still have no names."""


@dataclass
class Shard:
    """A shard that is read: ids in a row, and where documents begin.

    Attributes
    ----------
    path
        Its main file.
    ids
        The ids of all documents: memory-mapped where the format allows it, shape (tokens,).
    offsets
        int64, shape (documents + 1,).
    mask
        uint8, shape (tokens,), of shards that have masks.
    """

    path: Path
    ids: Ids
    offsets: NDArray[np.int64]
    mask: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return self.offsets.size - 1

    def read(self, start: int, stop: int) -> Encoded:
        """Give the documents of a range."""
        offsets = np.asarray(self.offsets[start : stop + 1], dtype=np.int64)
        first, last = (int(offsets[0]), int(offsets[-1])) if offsets.size else (0, 0)
        mask = None if self.mask is None else self.mask[first:last]
        return Encoded(self.ids[first:last], offsets - first, source=str(self.path), mask=mask)

    def take(self, places: NDArray[np.int64]) -> Encoded:
        """Give the documents at some places, copied."""
        return Encoded(self.ids, self.offsets, source=str(self.path), mask=self.mask).take(places)


@dataclass(frozen=True)
class Written:
    """A shard that is finished, as an index of a folder needs it."""

    stem: str
    documents: int
    tokens: int
    files: dict[str, dict[str, Any]] = field(default_factory=dict)


class Format(ABC):
    """A format of shards.

    Attributes
    ----------
    name
        The name that users give.
    main
        The ending of the file that holds the ids.
    endings
        The endings of all files of a shard, the main one among them.
    shard_size
        Bytes of ids in a shard, unless a user wants others.
    has_masks
        Whether it has a place for masks of what to learn.
    """

    name: ClassVar[str]
    main: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    shard_size: ClassVar[int] = 1_000_000_000
    has_masks: ClassVar[bool] = False
    dtypes: ClassVar[tuple[str, ...]] = ("uint16", "uint32")

    def dtype(self, vocab_size: int, wanted: str | None = None) -> np.dtype[Any]:
        """Choose the type of the ids: the wanted one, or the smallest that holds the vocabulary.

        Raises
        ------
        ValueError
            If they do not hold it, or the format has none of that type.
        """
        fitting = [name for name in self.dtypes if np.iinfo(name).max >= vocab_size - 1]
        if wanted is None:
            return np.dtype(fitting[0]).newbyteorder("<")
        name = np.dtype(wanted).name
        if name not in self.dtypes:
            raise ValueError(f"dtype: {self.name} is written as {' or '.join(self.dtypes)}, not {name}")
        if name not in fitting:
            raise ValueError(f"dtype: {name} holds ids to {np.iinfo(name).max:,}, the vocabulary has {vocab_size:,}")
        return np.dtype(name).newbyteorder("<")

    def stem(self, part: int, number: int) -> str:
        """Name a shard of a part."""
        return f"part-{part:05d}-{number:05d}"

    @abstractmethod
    def writer(self, output: Output, stem: str, settings: Settings) -> Writer:
        """Begin a shard."""

    @abstractmethod
    def open(self, path: Path, dtype: np.dtype[Any] | None = None) -> Shard:
        """Open the shard whose main file is `path`.

        Raises
        ------
        FormatError
            If it contradicts itself, naming the document at fault.
        """

    def find(self, folder: Path) -> list[Path]:
        """List the main files of the shards in a folder, in their order."""
        return sorted(path for path in folder.glob(f"*{self.main}") if not path.name.startswith("."))

    def index(self, shards: Sequence[Written], settings: Settings) -> dict[str, bytes]:  # noqa: ARG002
        """Make the files that describe a whole folder, by their names."""
        return {}

    def check(self, path: Path, dtype: np.dtype[Any] | None = None) -> list[str]:
        """List the faults in the structure of a shard."""
        try:
            self.open(path, dtype)
        except (OSError, FormatError) as error:
            return [str(error)]
        return []


def mapped(path: Path, dtype: np.dtype[Any] | str, offset: int = 0, count: int | None = None) -> NDArray[Any]:
    """Map numbers of a file into memory.

    Raises
    ------
    FormatError
        If the file does not have as many, or ends in the middle of one.
    """
    dtype = np.dtype(dtype)
    there = path.stat().st_size - offset
    if count is None:
        count, rest = divmod(there, dtype.itemsize)
        if rest:
            raise FormatError(f"{path}: {there:,} bytes are no whole number of {dtype.name}")
    if count < 0 or there < count * dtype.itemsize:
        raise FormatError(f"{path}: cut off: {there:,} bytes where {count:,} {dtype.name} should be")
    if count == 0:
        return np.empty(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=(count,))


def rising(path: Path, offsets: NDArray[np.int64], tokens: int) -> NDArray[np.int64]:
    """See that offsets rise from 0 to the number of ids.

    Raises
    ------
    FormatError
        Naming the first document that they contradict.
    """
    falls = np.flatnonzero(np.diff(offsets) < 0)
    if falls.size:
        raise FormatError(f"{path}: document {int(falls[0]):,} ends before it begins")
    if offsets[0] != 0 or offsets[-1] != tokens:
        beyond = int(np.searchsorted(offsets, tokens, side="right")) - 1
        raise FormatError(
            f"{path}: its documents end at token {int(offsets[-1]):,}, but there are {tokens:,}; document "
            f"{min(beyond, offsets.size - 2):,} is the first that is not whole"
        )
    return offsets


def mask_of(path: Path, tokens: int, offset: int = 0) -> NDArray[np.uint8] | None:
    """Map the mask of a shard into memory: a byte for each id. None if there is no such file.

    Raises
    ------
    FormatError
        If it has another length.
    """
    if not path.exists():
        return None
    mask = mapped(path, "u1", offset)
    if mask.size != tokens:
        raise FormatError(f"{path}: a mask of {mask.size:,} ids, but there are {tokens:,}")
    return mask
