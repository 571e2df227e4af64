"""Reading shards: documents by their number, in any order, and packed into sequences for training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from eurotok._core import FormatError
from eurotok.corpus import StrPath
from eurotok.shards import manifest as manifests
from eurotok.shards.encoded import Encoded, Ids
from eurotok.shards.formats import Format, Shard, named, recognise
from eurotok.shards.loading import WINDOW, iterable
from eurotok.shards.manifest import NAME, Manifest

OPENED = 64
"""Shards that are kept open."""


class Dataset(Sequence[Ids]):
    r"""The documents of a folder of shards, by their numbers.

    Nothing is read before it is asked for, and ids are memory-mapped where the format allows it.

    Parameters
    ----------
    folder
        The folder.
    format
        The format, where no manifest tells it and the files do not.
    dtype
        The integers of ids, for files of Dolma's without a manifest.

    Attributes
    ----------
    folder
        The folder.
    manifest
        The contents of its `manifest.json`; None for shards of another tool.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist, or a shard of the manifest is missing.
    FormatError
        If there are no shards, or one contradicts itself.

    Examples
    --------
    >>> import eurotok, tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = Path(place, "fr.txt").write_text("un\ndeux")
    ...     _ = eurotok.shards.write(Path(place, "fr.txt"), Path(place, "out"), tokenizer="euro-64k", lines=True)
    ...     documents = eurotok.shards.open(Path(place, "out"))
    ...     len(documents), eurotok.load("euro-64k").decode(documents[1])
    (2, 'deux')
    """

    def __init__(
        self,
        folder: StrPath,
        format: str | None = None,  # noqa: A002
        dtype: DTypeLike | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.manifest: Manifest | None = None
        if (self.folder / NAME).exists():
            self.manifest = manifests.load(self.folder)
            self._kind = named(self.manifest.format)
            self._dtype: np.dtype[Any] | None = self.manifest.numpy_dtype()
            self._paths = [self.folder / f"{it['name']}{self._kind.main}" for it in self.manifest.shards]
            counts = [it["documents"] for it in self.manifest.shards]
        else:
            next(self.folder.iterdir(), None)  # a folder that is not there is the system's error
            self._kind = named(format) if format else recognise(self.folder)
            self._dtype = None if dtype is None else np.dtype(dtype)
            self._paths = self._kind.find(self.folder)
            if not self._paths:
                raise FormatError(f"{self.folder}: no shards of {self._kind.name} here")
            counts = [len(self._kind.open(path, self._dtype)) for path in self._paths]
        self._bounds = np.cumsum([0, *counts], dtype=np.int64)
        self._open = lru_cache(OPENED)(self._open_shard)

    def __reduce__(self) -> tuple[Any, ...]:
        return Dataset, (self.folder, self._kind.name, self._dtype)

    def _open_shard(self, place: int) -> Shard:
        shard = self._kind.open(self._paths[place], self._dtype)
        wanted = int(self._bounds[place + 1] - self._bounds[place])
        if len(shard) != wanted:
            raise FormatError(f"{shard.path}: {len(shard):,} documents, not the {wanted:,} of the manifest")
        return shard

    @property
    def format(self) -> Format:
        """The format of the shards."""
        return self._kind

    @property
    def shards(self) -> Sequence[Path]:
        """The main file of each shard."""
        return tuple(self._paths)

    @property
    def bounds(self) -> NDArray[np.int64]:
        """The number of the first document of each shard, and the number of documents: int64, shape (shards + 1,)."""
        return self._bounds

    def shard(self, place: int) -> Shard:
        """Open a shard."""
        return self._open(place)

    def __len__(self) -> int:
        return int(self._bounds[-1])

    @property
    def tokens(self) -> int:
        """The number of ids of all documents."""
        if self.manifest is not None:
            return self.manifest.tokens
        return sum(int(self._open(place).offsets[-1]) for place in range(len(self._paths)))

    @property
    def has_masks(self) -> bool:
        """Whether documents have masks of what to learn, as chats do."""
        return bool(self._paths) and self._open(0).mask is not None

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Give the ids of a document that are to be learned: bool, shape (tokens,); all where there are no masks."""
        place, own = self._locate(index)
        found = self._open(place).read(own, own + 1)
        return np.ones(found.ids.size, dtype=bool) if found.mask is None else found.mask.astype(bool)

    def _locate(self, index: int) -> tuple[int, int]:
        """Give the shard of a document, and its number there."""
        number = range(len(self))[index]
        place = int(np.searchsorted(self._bounds, number, side="right")) - 1
        return place, number - int(self._bounds[place])

    @overload
    def __getitem__(self, index: int) -> Ids: ...
    @overload
    def __getitem__(self, index: slice) -> list[Ids]: ...
    def __getitem__(self, index: int | slice) -> Ids | list[Ids]:
        """Give the ids of a document, or of each document of a slice."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place, own = self._locate(index)
        return self._open(place).read(own, own + 1).ids

    def __iter__(self) -> Iterator[Ids]:
        for batch in self.batches():
            for start, end in zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True):
                yield batch.ids[start:end]

    def __repr__(self) -> str:
        return f"Dataset({str(self.folder)!r}, {self._kind.name}, {len(self):,} documents)"

    def batches(self, start: int = 0, stop: int | None = None, tokens: int = 1 << 22) -> Iterator[Encoded]:
        """Give documents in order, some at a time, each batch from one shard.

        Parameters
        ----------
        start, stop
            The range of documents.
        tokens
            Ids of a batch, unless a document has more.
        """
        stop = len(self) if stop is None else min(stop, len(self))
        while start < stop:
            place = int(np.searchsorted(self._bounds, start, side="right")) - 1
            first = int(self._bounds[place])
            shard = self._open(place)
            begin, most = start - first, min(stop, int(self._bounds[place + 1])) - first
            end = int(np.searchsorted(shard.offsets, int(shard.offsets[begin]) + tokens, side="right")) - 1
            end = min(max(end, begin + 1), most)
            yield shard.read(begin, end)
            start = first + end

    def lengths(self, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
        """Give the number of ids of each document of a range: int64, shape (documents,)."""
        stop = len(self) if stop is None else min(stop, len(self))
        parts = [np.empty(0, dtype=np.int64)]
        while start < stop:
            place = int(np.searchsorted(self._bounds, start, side="right")) - 1
            first, end = int(self._bounds[place]), min(stop, int(self._bounds[place + 1]))
            parts.append(np.diff(self._open(place).offsets[start - first : end - first + 1]))
            start = end
        return np.concatenate(parts).astype(np.int64)

    def take(self, numbers: NDArray[np.int64]) -> Encoded:
        """Give documents by their numbers, in this order, copied."""
        numbers = np.asarray(numbers, dtype=np.int64)
        if numbers.size and (numbers.min() < 0 or numbers.max() >= len(self)):
            raise IndexError(f"{self.folder}: documents are numbered from 0 to {len(self) - 1:,}")
        places = np.searchsorted(self._bounds, numbers, side="right") - 1
        parts, positions = [], []
        for place in np.unique(places).tolist():
            own = np.flatnonzero(places == place)
            parts.append(self._open(place).take(numbers[own] - self._bounds[place]))
            positions.append(own)
        if len(parts) == 1:
            return parts[0]
        joined = join(parts)
        back = np.argsort(np.concatenate([np.empty(0, dtype=np.int64), *positions]), kind="stable")
        return joined.take(back)

    def shuffled(self, seed: int, epoch: int = 0, window: int = WINDOW, start: int = 0) -> Iterator[Ids]:
        """Give all documents in a random order, windows of neighbours together, so that reading stays local.

        Parameters
        ----------
        seed, epoch
            The numbers that decide the order.
        window
            Documents of a window: windows come in random order, and documents in random order in each.
        start
            How many documents to pass over, to go on where another iterator was.
        """
        order = Order(len(self), seed, epoch, window)
        for batch in order.batches(start):
            taken = self.take(batch)
            for begin, end in zip(taken.offsets[:-1].tolist(), taken.offsets[1:].tolist(), strict=True):
                yield taken.ids[begin:end]

    def packed(self, length: int, seed: int | None = None, epoch: int = 0, window: int = WINDOW) -> Packed:
        """Pack the documents into sequences of `length` ids each.

        Parameters
        ----------
        length
            Ids of a sequence.
        seed, epoch, window
            As for `shuffled`; without a seed the documents come in order.

        Returns
        -------
        Packed
            Sequences by their numbers.
        """
        return Packed(self, length, seed, epoch, window)

    def torch(self, length: int, **options: Any) -> Any:  # noqa: ANN401
        """Make a `torch.utils.data.IterableDataset` of packed sequences. See `eurotok.shards.loading.iterable`."""
        return iterable(self, length, **options)


def join(parts: Sequence[Encoded]) -> Encoded:
    """Put batches one behind the other."""
    offsets = [np.zeros(1, dtype=np.int64)]
    before = 0
    for part in parts:
        offsets.append(part.offsets[1:] + before)
        before += int(part.offsets[-1])
    ids = np.concatenate([part.ids for part in parts]) if parts else np.empty(0, dtype=np.uint32)
    masks = [part.mask for part in parts if part.mask is not None]
    mask = np.concatenate(masks) if masks and len(masks) == len(parts) else None
    return Encoded(ids, np.concatenate(offsets), mask=mask)


class Order:
    """An order of documents that is random, but local: windows in random order, and documents in each.

    Parameters
    ----------
    count
        The number of documents.
    seed, epoch
        The numbers that decide the order. Without a seed, the order of the documents is kept.
    window
        Documents of a window.
    """

    def __init__(self, count: int, seed: int | None, epoch: int = 0, window: int = WINDOW) -> None:
        if window < 1:
            raise ValueError(f"window: {window} is not above 0")
        self._seed, self._epoch = seed, epoch
        starts = np.arange(0, count, window, dtype=np.int64)
        numbers = np.arange(starts.size)
        if seed is not None:
            numbers = np.random.default_rng([seed, epoch]).permutation(starts.size)
        self._numbers = numbers
        self._starts = starts[numbers]
        self._sizes = np.minimum(count - self._starts, window)

    @property
    def windows(self) -> int:
        """The number of windows."""
        return int(self._starts.size)

    def span(self, place: int) -> tuple[int, int]:
        """Give the range of documents of the window at a place in the order."""
        start = int(self._starts[place])
        return start, start + int(self._sizes[place])

    def window(self, place: int) -> NDArray[np.int64]:
        """Give the documents of the window at a place in the order, in their order."""
        start, stop = self.span(place)
        if self._seed is None:
            return np.arange(start, stop, dtype=np.int64)
        rng = np.random.default_rng([self._seed, self._epoch, int(self._numbers[place])])
        return rng.permutation(stop - start) + start

    def batches(self, start: int = 0, size: int = 4096) -> Iterator[NDArray[np.int64]]:
        """Give the documents from a place in the order on, some at a time."""
        for place in range(self.windows):
            count = int(self._sizes[place])
            if start >= count:
                start -= count
                continue
            documents = self.window(place)[start:]
            start = 0
            for begin in range(0, documents.size, size):
                yield documents[begin : begin + size]


@dataclass(frozen=True)
class PackedSequence:
    """One sequence for training.

    Attributes
    ----------
    ids
        int64, shape (length,).
    documents
        int32, shape (length,): which document of the sequence each id belongs to, from 0. Ids of different documents
        are not to see each other.
    positions
        int32, shape (length,): the place of each id in its document, counted from where the document begins in this
        sequence.
    learned
        bool, shape (length,): the ids that are to be learned: all of them, but for shards of chats, which have masks.
    """

    ids: NDArray[np.int64]
    documents: NDArray[np.int32]
    positions: NDArray[np.int32]
    learned: NDArray[np.bool_]

    def mask(self) -> NDArray[np.bool_]:
        """Give the causal mask that keeps documents apart: bool, shape (length, length), [i, j]: i sees j."""
        same = self.documents[:, None] == self.documents[None, :]
        return np.tril(same)


class Packed(Sequence[PackedSequence]):
    """Documents one behind the other, cut into sequences of the same length. A shorter rest at the end is dropped.

    Parameters
    ----------
    dataset
        The documents.
    length
        Ids of a sequence.
    seed, epoch, window
        The order of the documents, as for `Dataset.shuffled`.
    """

    def __init__(self, dataset: Dataset, length: int, seed: int | None, epoch: int, window: int) -> None:
        if length < 1:
            raise ValueError(f"length: {length} is not above 0")
        self._dataset, self._length = dataset, length
        self._order = Order(len(dataset), seed, epoch, window)
        spans = [self._order.span(place) for place in range(self._order.windows)]
        tokens = [int(dataset.lengths(start, stop).sum()) for start, stop in spans]
        self._ends = np.cumsum([0, *tokens], dtype=np.int64)
        self._window = lru_cache(4)(self._window_at)

    def __len__(self) -> int:
        return int(self._ends[-1]) // self._length

    def _window_at(self, place: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the documents of a window, and where each begins in it."""
        documents = self._order.window(place)
        start, stop = self._order.span(place)
        lengths = self._dataset.lengths(start, stop)[documents - start]
        return documents, np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])

    @overload
    def __getitem__(self, index: int) -> PackedSequence: ...
    @overload
    def __getitem__(self, index: slice) -> list[PackedSequence]: ...
    def __getitem__(self, index: int | slice) -> PackedSequence | list[PackedSequence]:
        """Give a sequence."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index] * self._length
        ids = np.empty(self._length, dtype=np.int64)
        documents = np.empty(self._length, dtype=np.int32)
        positions = np.empty(self._length, dtype=np.int32)
        learned = np.ones(self._length, dtype=bool)
        filled = number = 0
        while filled < self._length:
            window = int(np.searchsorted(self._ends, place, side="right")) - 1
            members, starts = self._window(window)
            within = place - int(self._ends[window])
            own = int(np.searchsorted(starts, within, side="right")) - 1
            skipped = within - int(starts[own])
            part = slice(skipped, skipped + self._length - filled)
            document = self._dataset[int(members[own])][part]
            end = filled + document.size
            if self._dataset.has_masks:
                learned[filled:end] = self._dataset.mask(int(members[own]))[part]
            ids[filled:end], documents[filled:end] = document, number
            positions[filled:end] = np.arange(document.size)
            filled, place, number = end, place + document.size, number + 1
        return PackedSequence(ids, documents, positions, learned)


def open_folder(folder: StrPath, format: str | None = None, dtype: DTypeLike | None = None) -> Dataset:  # noqa: A002
    """Open a folder of shards, this package's or another tool's. Parameters and errors are the same as in `Dataset`."""
    return Dataset(folder, format, dtype)
