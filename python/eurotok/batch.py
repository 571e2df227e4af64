"""Rows for a model: texts or pairs of texts, with special tokens, truncated, padded, and told apart.

Enters: ids of many texts. Leaves: rows of ids and, for each id, whether to attend to it, which text it is from, and
where in that text. Truncation and overflow are those of `tokenizers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from eurotok.ragged import Ragged

Side = Literal["left", "right"]
Strategy = Literal["longest_first", "only_first", "only_second"]
Padding = Literal["longest", "max_length"]
Types = Sequence[int]
"""Token types of special tokens, which tell the texts of a pair apart."""

SPECIAL = -1
"""The sequence of special tokens and padding, which are from no text."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of ids, and what a model is told about them.

    The arrays have the shape (rows, tokens) if rows are padded. If they are not, `ids` is a `Ragged`, and the others
    are flat, as `ids.ids`.

    Attributes
    ----------
    ids
        int64; or a `Ragged`.
    attention_mask
        int64: 1, or 0 for padding.
    special_mask
        int8: 1 for special tokens that were added, and for padding.
    sequence_ids
        int8: 0 for the text, 1 for the second of a pair, -1 for special tokens and padding.
    offsets
        int64, with a last axis of 2: begin and end of each token in characters of its text; (0, 0) where it has none.
        `None` if not asked for.
    samples
        int64, shape (rows,): the number of the text of each row. A text has several rows if its overflow is kept.
    token_types
        int64: the type of each token, by which BERT tells two texts apart. `None` if not asked for.
    """

    ids: NDArray[np.int64] | Ragged
    attention_mask: NDArray[np.int64]
    special_mask: NDArray[np.int8]
    sequence_ids: NDArray[np.int8]
    offsets: NDArray[np.int64] | None
    samples: NDArray[np.int64]
    token_types: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def __repr__(self) -> str:
        width = f" of {self.ids.shape[1]} ids" if isinstance(self.ids, np.ndarray) else ", not padded"
        return f"Batch({len(self)} rows{width})"

    def to_torch(self) -> dict[str, Any]:
        """Give the rows as PyTorch tensors that share memory with them, for `model(**batch.to_torch())`.

        Returns
        -------
        dict
            `input_ids` and `attention_mask`: int64 tensors, shape (rows, tokens).

        Raises
        ------
        ValueError
            If rows are not padded.
        ImportError
            If PyTorch is absent.
        """
        if isinstance(self.ids, Ragged):
            raise ValueError("rows of different lengths are no tensor: give padding=True")
        try:
            import torch
        except ImportError as error:
            raise ImportError("to_torch needs PyTorch: pip install torch") from error
        return {"input_ids": torch.from_numpy(self.ids), "attention_mask": torch.from_numpy(self.attention_mask)}

    def to_arrow(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Give `input_ids` as a `pyarrow.LargeListArray`: without a copy if rows are not padded, without padding else.

        Raises
        ------
        ImportError
            If pyarrow is absent: `pip install 'eurotok[parquet]'`.
        """
        if isinstance(self.ids, Ragged):
            return self.ids.to_arrow()
        kept = self.attention_mask.astype(np.bool_)
        return Ragged(self.ids[kept], np.concatenate([[0], kept.sum(axis=1).cumsum()])).to_arrow()


@dataclass(frozen=True)
class Frame:
    """Special tokens around a text, or around and between two.

    Attributes
    ----------
    before, between, behind
        Ids: uint32, shape (tokens,) each.
    types
        The token type of each of these, in order, with that of the texts in their places: of `before`, the first text,
        `between`, the second text, `behind`. `None` where types are not asked for.
    """

    before: NDArray[np.uint32]
    between: NDArray[np.uint32]
    behind: NDArray[np.uint32]
    types: tuple[Types, int, Types, int, Types] | None = None

    @property
    def size(self) -> int:
        """How many there are."""
        return self.before.size + self.between.size + self.behind.size


@dataclass(frozen=True)
class Cut:
    """How rows are shortened.

    Attributes
    ----------
    strategy
        Which text loses tokens; `None` if none does.
    length
        The most ids of a row, special tokens included.
    stride
        How many ids of a row the next row of the same text begins with.
    side
        The side from which tokens are taken away.
    overflow
        Whether what is cut off makes further rows.
    """

    strategy: Strategy | None = None
    length: int = 0
    stride: int = 0
    side: Side = "right"
    overflow: bool = False


@dataclass(frozen=True)
class Texts:
    """Encoded texts: their ids, and the place of each in its text: int64, shape (ids, 2), if it is asked for."""

    ids: Ragged
    spans: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Part:
    """A part of every row, one behind the other: its ids, their places, their sequence, their types."""

    ids: Ragged
    spans: NDArray[np.int64] | None
    sequence: int
    types: NDArray[np.int64] | int = 0


def rows(first: Texts, second: Texts | None, frame: Frame, cut: Cut) -> tuple[list[Part], NDArray[np.int64]]:
    """Give the parts of each row, and the number of its text.

    Raises
    ------
    ValueError
        If the special tokens alone are longer than a row, or the stride is as long as the room for text.
    """
    windows = list(_windows(first.ids, None if second is None else second.ids, frame.size, cut))
    table = np.array(windows, np.int64).reshape(-1, 5)
    sample, begin, end, begin_2, end_2 = table.T
    count = len(table)
    before, one, between, two, behind = frame.types or ([0], 0, [0], 0, [0])
    parts = [_constant(frame.before, before, count), _taken(first, sample, begin, end, 0, one)]
    if second is not None:
        parts += [_constant(frame.between, between, count), _taken(second, sample, begin_2, end_2, 1, two)]
    return [*parts, _constant(frame.behind, behind, count)], sample


def _constant(ids: NDArray[np.uint32], types: Types, count: int) -> Part:
    of_all = np.resize(np.array(types, np.int64), count * ids.size)
    return Part(Ragged(np.tile(ids, count), np.arange(count + 1) * ids.size), None, SPECIAL, of_all)


def _taken(
    texts: Texts,
    sample: NDArray[np.int64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    of: int,
    token_type: int,
) -> Part:
    sizes = end - begin
    if len(sizes) == len(texts.ids) and np.array_equal(sizes, texts.ids.lengths):
        return Part(texts.ids, texts.spans, of, token_type)  # nothing was taken away
    offsets = np.concatenate([[0], sizes.cumsum()])
    places = np.repeat(texts.ids.offsets[sample] + begin - offsets[:-1], sizes) + np.arange(offsets[-1])
    spans = None if texts.spans is None else texts.spans[places]
    return Part(Ragged(texts.ids.ids[places], offsets), spans, of, token_type)


def _windows(first: Ragged, second: Ragged | None, special: int, cut: Cut) -> Iterator[tuple[int, int, int, int, int]]:
    """Give, for each row, the number of the text, and begin and end of its part of the first and of the second."""
    others = [0] * len(first) if second is None else second.lengths.tolist()
    for number, (size, other) in enumerate(zip(first.lengths.tolist(), others, strict=True)):
        if cut.strategy is None or size + other + special <= cut.length:
            yield number, 0, size, 0, other
            continue
        room = cut.length - special
        if room < 0:
            raise ValueError(f"max_length: {cut.length} is less than the {special} special tokens of a row")
        left, right = _rooms(size, other, room, cut.strategy, number)
        pieces = _pieces(size, left, cut)
        if second is None or cut.strategy == "only_first":
            yield from ((number, begin, end, 0, other) for begin, end in pieces)
        elif cut.strategy == "only_second":
            yield from ((number, 0, size, begin, end) for begin, end in _pieces(other, right, cut))
        else:
            yield number, *pieces[0], *_pieces(other, right, cut)[0]


def _rooms(size: int, other: int, room: int, strategy: Strategy, number: int) -> tuple[int, int]:
    """Give the room of each of two texts that are too long together."""
    if strategy == "only_first":
        if other >= room:
            raise ValueError(f"text {number}: the second text alone has {other} tokens, there is room for {room}")
        return room - other, other
    if strategy == "only_second":
        if size >= room:
            raise ValueError(f"text {number}: the first text alone has {size} tokens, there is room for {room}")
        return size, room - size
    short, long = sorted((size, other))
    long = short if short > room else max(short, room - short)
    if short + long > room:
        short, long = room // 2, room - room // 2
    return (short, long) if size <= other else (long, short)


def _pieces(size: int, room: int, cut: Cut) -> list[tuple[int, int]]:
    """Give the windows of a text, the one that is kept first."""
    if room >= size:
        return [(0, size)]
    if not cut.overflow or room == 0:
        return [(0, room) if cut.side == "right" else (size - room, size)]
    if cut.stride >= room:
        raise ValueError(f"stride: {cut.stride} is not less than the room for text, {room} tokens")
    step, windows = room - cut.stride, []
    for begin in range(0, size, step):
        end = min(begin + room, size)
        windows.append((begin, end))
        if end == size:
            break
    return windows if cut.side == "right" else [(size - end, size - begin) for begin, end in windows]


def assembled(
    parts: Sequence[Part],
    samples: NDArray[np.int64],
    *,
    width: int | None,
    pad: int,
    side: Side,
    spans: bool,
    pad_type: int | None = None,
) -> Batch:
    """Put the parts of each row one behind the other, and pad rows to a width, if one is given.

    Token types are put together only if `pad_type` says which padding has.
    """
    count = len(samples)
    sizes = np.sum([part.ids.lengths for part in parts], axis=0, dtype=np.int64).reshape(count)
    offsets = np.concatenate([[0], sizes.cumsum()])
    ids = np.empty(offsets[-1], np.uint32)
    sequence = np.empty(offsets[-1], np.int8)
    places = np.zeros((offsets[-1], 2), np.int64) if spans else None
    types = None if pad_type is None else np.empty(offsets[-1], np.int64)
    begin = offsets[:-1].copy()
    for part in parts:
        if not part.ids.ids.size:
            continue
        lengths = part.ids.lengths
        to: Any = slice(None)
        if part.ids.ids.size < ids.size:
            to = np.repeat(begin - part.ids.offsets[:-1], lengths) + np.arange(part.ids.ids.size)
        ids[to], sequence[to] = part.ids.ids, part.sequence
        if places is not None and part.spans is not None:
            places[to] = part.spans
        if types is not None:
            types[to] = part.types
        begin += lengths
    special = (sequence == SPECIAL).astype(np.int8)
    flat = Ragged(ids, offsets)
    if width is None:
        return Batch(flat, np.ones(ids.size, np.int64), special, sequence, places, samples, types)
    kept = flat.places(width, side)

    def grid(values: NDArray[Any], rest: int, dtype: DTypeLike) -> NDArray[Any]:
        made = np.full((*kept.shape, *values.shape[1:]), rest, dtype)
        made[kept] = values
        return made

    return Batch(
        grid(ids, pad, np.int64),
        kept.astype(np.int64),
        grid(special, 1, np.int8),
        grid(sequence, SPECIAL, np.int8),
        None if places is None else grid(places, 0, np.int64),
        samples,
        None if types is None or pad_type is None else grid(types, pad_type, np.int64),
    )
