"""The result of a batch: all ids in a row, and where each text's ids begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eurotok.sequences import several


def as_ids(values: ArrayLike) -> NDArray[np.uint32]:
    """Make ids an array without changing any of them.

    Raises
    ------
    TypeError
        If they are one string.
    ValueError
        If a value is not an integer, or is outside 0 to 2**32 - 1.
    """
    array = np.asarray(several("ids", values))
    if array.dtype == np.uint32:
        return array
    if array.size and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 0xFFFF_FFFF):
        raise ValueError("ids must be integers from 0 to 2**32 - 1")
    return array.astype(np.uint32)


def padded_width(lengths: NDArray[np.int64], length: int | None, multiple_of: int | None) -> int:
    """Give the width to which rows are padded.

    Raises
    ------
    ValueError
        If one of the numbers is not positive.
    """
    for name, number in (("length", length), ("multiple_of", multiple_of)):
        if number is not None and number < 1:
            raise ValueError(f"{name}: {number} is not positive")
    width = int(lengths.max(initial=0)) if length is None else length
    return width if multiple_of is None else -(-width // multiple_of) * multiple_of


class Ragged(Sequence[NDArray[np.uint32]]):
    """Ids of many texts, in two flat arrays: text `i` has `ids[offsets[i]:offsets[i + 1]]`.

    The layout is that of Arrow's large lists, so that it passes to Arrow, Polars or DuckDB without a copy.

    Parameters
    ----------
    ids
        uint32, shape (total,): the ids of all texts.
    offsets
        int64, shape (texts + 1,): where each text begins, and the end of the last. Starts with 0, never falls.

    Raises
    ------
    ValueError
        If the offsets do not describe the ids.

    Examples
    --------
    >>> batch = Ragged([7, 8, 9], [0, 2, 2, 3])
    >>> len(batch), batch[0]
    (3, array([7, 8], dtype=uint32))
    >>> batch[1:].to_list()
    [[], [9]]
    """

    __slots__ = ("ids", "offsets")

    ids: NDArray[np.uint32]
    offsets: NDArray[np.int64]

    def __init__(self, ids: ArrayLike, offsets: ArrayLike) -> None:
        self.ids = as_ids(ids)
        self.offsets = np.asarray(offsets, dtype=np.int64)
        if self.ids.ndim != 1 or self.offsets.ndim != 1:
            raise ValueError("ids and offsets must have one dimension each")
        if not self.offsets.size or self.offsets[0] != 0 or self.offsets[-1] != self.ids.size:
            raise ValueError(f"offsets must run from 0 to the number of ids ({self.ids.size})")
        if np.any(self.offsets[1:] < self.offsets[:-1]):
            raise ValueError("offsets must not fall")

    @classmethod
    def from_lists(cls, lists: Iterable[ArrayLike]) -> Ragged:
        """Join sequences of ids, one a text.

        Examples
        --------
        >>> Ragged.from_lists([[1, 2], [], [3]])
        Ragged(3 texts, 3 ids)
        """
        rows: list[Any] = list(several("lists", lists))
        if all(isinstance(row, list) for row in rows):  # one array for all: four times as fast as one a row
            flat, sizes = as_ids([*chain.from_iterable(rows)]), [len(row) for row in rows]
            return cls(flat, np.cumsum([0, *sizes]))
        arrays = [as_ids(ids) for ids in rows]
        offsets = np.zeros(len(arrays) + 1, dtype=np.int64)
        np.cumsum([array.size for array in arrays], out=offsets[1:])
        return cls(np.concatenate(arrays) if arrays else [], offsets)

    def __len__(self) -> int:
        return self.offsets.size - 1

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint32]: ...
    @overload
    def __getitem__(self, index: slice) -> Ragged: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint32] | Ragged:
        """Ids of one text, a view; or, for a slice without a step, the texts of it, sharing the ids."""
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError("a Ragged is sliced in steps of 1")
            offsets = self.offsets[start : max(start, stop) + 1]
            return Ragged(self.ids[offsets[0] : offsets[-1]], offsets - offsets[0])
        place = range(len(self))[index]
        return self.ids[self.offsets[place] : self.offsets[place + 1]]

    def __iter__(self) -> Iterator[NDArray[np.uint32]]:
        bounds = self.offsets.tolist()
        return (self.ids[start:end] for start, end in pairwise(bounds))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ragged):
            return NotImplemented
        return np.array_equal(self.offsets, other.offsets) and np.array_equal(self.ids, other.ids)

    __hash__ = None  # type: ignore[assignment]  # as of every other mutable container

    def __repr__(self) -> str:
        return f"Ragged({len(self)} texts, {self.ids.size} ids)"

    def __reduce__(self) -> tuple[type[Ragged], tuple[NDArray[np.uint32], NDArray[np.int64]]]:
        return Ragged, (self.ids, self.offsets)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of ids of each text: int64, shape (texts,)."""
        return np.diff(self.offsets)

    def places(self, width: int, side: Literal["left", "right"] = "right") -> NDArray[np.bool_]:
        """Tell where ids stand if all texts are padded to a width: bool, shape (texts, width).

        Raises
        ------
        ValueError
            If a text is wider, or the side is neither `"left"` nor `"right"`.
        """
        if side not in ("left", "right"):
            raise ValueError(f"side: {side!r} is neither 'left' nor 'right'")
        lengths = self.lengths[:, None]
        if lengths.size and lengths.max() > width:
            raise ValueError(f"length: text {int(lengths.argmax())} has {lengths.max()} ids, more than {width}")
        column = np.arange(width)
        return column < lengths if side == "right" else column >= width - lengths

    def pad(
        self,
        value: int,
        side: Literal["left", "right"] = "right",
        length: int | None = None,
        multiple_of: int | None = None,
    ) -> NDArray[np.int64]:
        """Give the ids as an array, shorter texts filled up.

        Parameters
        ----------
        value
            The id to fill with.
        side
            Where to put it.
        length
            The width of the array; by default that of the longest text.
        multiple_of
            The width is rounded up to a multiple of this.

        Returns
        -------
        NDArray[np.int64]
            Shape (texts, width).

        Raises
        ------
        ValueError
            If a text is longer than `length`.

        Examples
        --------
        >>> Ragged([7, 8, 9], [0, 2, 3]).pad(0)
        array([[7, 8],
               [9, 0]])
        """
        kept = self.places(padded_width(self.lengths, length, multiple_of), side)
        made = np.full(kept.shape, value, np.int64)
        made[kept] = self.ids
        return made

    def to_list(self) -> list[list[int]]:
        """Give the ids as Python lists, one a text."""
        ids, bounds = self.ids.tolist(), self.offsets.tolist()
        return [ids[start:end] for start, end in pairwise(bounds)]

    def to_arrow(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Give the same data as a `pyarrow.LargeListArray` of uint32, without a copy.

        Raises
        ------
        ImportError
            If pyarrow is absent: `pip install 'eurotok[parquet]'`.
        """
        try:
            import pyarrow as pa
        except ImportError as error:
            raise ImportError("Arrow export needs pyarrow: pip install 'eurotok[parquet]'") from error
        return pa.LargeListArray.from_arrays(pa.array(self.offsets), pa.array(self.ids))

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """Export through the Arrow PyCapsule interface."""
        capsules: tuple[object, object] = self.to_arrow().__arrow_c_array__(requested_schema)
        return capsules
