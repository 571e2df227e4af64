"""Documents as ids in a row, with their other fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eurotok import _core

Ids = NDArray[Any]
"""Ids of any integer type."""


@dataclass(frozen=True)
class Encoded:
    """Some documents, in order.

    Attributes
    ----------
    ids
        The ids of all of them: integers of any type, shape (tokens,).
    offsets
        int64, shape (documents + 1,): where each begins in `ids`, and the end of the last.
    names
        The id of each document in its input, if it has one.
    numbers
        int64, shape (documents,): the line or row of each in its input, from 1.
    source
        The input that they come from.
    mask
        uint8, shape (tokens,): 1 for each id that training is to learn, else 0; None without masks.
    """

    ids: Ids
    offsets: NDArray[np.int64]
    names: list[str] | None = None
    numbers: NDArray[np.int64] | None = None
    source: str = ""
    mask: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return self.offsets.size - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of ids of each document: int64, shape (documents,)."""
        return np.diff(self.offsets)

    def __getitem__(self, part: slice) -> Encoded:
        """Give the documents of a slice in steps of 1; the ids are a view."""
        start, stop, _ = part.indices(len(self))
        offsets = self.offsets[start : stop + 1]
        return Encoded(
            self.ids[offsets[0] : offsets[-1]],
            offsets - offsets[0],
            None if self.names is None else self.names[start:stop],
            None if self.numbers is None else self.numbers[start:stop],
            self.source,
            None if self.mask is None else self.mask[offsets[0] : offsets[-1]],
        )

    def take(self, places: NDArray[np.int64]) -> Encoded:
        """Give the documents at some places, in their order, copied."""
        starts, lengths = self.offsets[places], self.offsets[places + 1] - self.offsets[places]
        offsets = np.zeros(places.size + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return Encoded(
            gather(self.ids, starts, offsets),
            offsets,
            None if self.names is None else [self.names[place] for place in places.tolist()],
            None if self.numbers is None else self.numbers[places],
            self.source,
            None if self.mask is None else gather(self.mask, starts, offsets),
        )

    def checksums(self) -> NDArray[np.uint32]:
        """Compute the CRC-32 of each document's ids as little-endian uint32, the mask as their highest bits.

        Returns
        -------
        NDArray[np.uint32]
            Shape (documents,).
        """
        ids = np.ascontiguousarray(self.ids, dtype=np.uint32)
        if self.mask is not None:
            ids = ids | (self.mask.astype(np.uint32) << np.uint32(31))
        return _core.checksums(ids, self.offsets)


def gather(ids: Ids, starts: NDArray[np.int64], offsets: NDArray[np.int64]) -> Ids:
    """Copy stretches of ids into one array.

    Parameters
    ----------
    ids
        All ids.
    starts
        Where each stretch begins in `ids`: int64, shape (stretches,).
    offsets
        Where each is to begin in the result: int64, shape (stretches + 1,).
    """
    lengths = np.diff(offsets)
    if starts.size and lengths.mean() > 512:
        taken = np.empty(offsets[-1], dtype=ids.dtype)
        for start, begin, end in zip(starts.tolist(), offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            taken[begin:end] = ids[start : start + end - begin]
        return taken
    places = np.repeat(starts - offsets[:-1], lengths)
    places += np.arange(places.size)
    return ids[places]


def cut(lengths: NDArray[np.int64], before: int, limit: int) -> Iterator[tuple[int, int]]:
    """Cut a row of documents where a shard is full.

    A shard ends before the document that would take it beyond the limit, and has one document at least. So the cuts do
    not depend on how the documents are grouped into calls.

    Parameters
    ----------
    lengths
        The size that each document adds to its shard: int64, shape (documents,).
    before
        The size of the open shard so far.
    limit
        The largest size of a shard.

    Yields
    ------
    tuple of int
        The first document of a shard, and the end of its documents. All but the first range begin a new one; the first
        range is empty if nothing more fits into the open shard.
    """
    ends = np.cumsum(lengths)
    start, base = 0, -before
    while True:
        end = int(np.searchsorted(ends, base + limit, side="right"))
        if end == start and (start > 0 or before == 0) and end < lengths.size:
            end += 1
        yield start, end
        if end >= lengths.size:
            return
        start, base = end, int(ends[end - 1]) if end else 0
        before = 0
