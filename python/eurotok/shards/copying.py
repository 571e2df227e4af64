"""Copies documents from shards to shards, with their checksums and inputs, and without decoding them.

Documents are copied by their numbers, shard after shard. Memory holds a number for each chosen document, and a chunk of
ids.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eurotok.shards.dataset import Dataset, join
from eurotok.shards.encoded import Encoded
from eurotok.shards.formats import Format, Settings, named
from eurotok.shards.indexing import write_index
from eurotok.shards.manifest import NAME, Manifest, sum_counts
from eurotok.shards.output import HIDDEN, json_bytes, put_bytes, remove_partial, sync_folder
from eurotok.shards.planning import kept_tokenizer, tokenizer_path
from eurotok.shards.series import SUMS, Series

MARK = f"{HIDDEN}/rewriting.json"
"""Marks a folder that is being written from other shards. If the run is killed, the folder may be replaced."""

CHUNK = 1 << 22
"""Ids that are copied at a time."""


@dataclass(frozen=True)
class Part:
    """Documents of a folder of shards, in the order in which they are to be copied.

    Attributes
    ----------
    dataset
        The folder.
    documents
        Numbers of documents: int64; None for all of them, in order.
    """

    dataset: Dataset
    documents: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Mixed:
    """Documents of several folders in one order."""

    datasets: tuple[Dataset, ...]
    places: NDArray[np.int64]
    documents: NDArray[np.int64]


def segments(dataset: Dataset) -> Iterator[tuple[int, int, int]]:
    """Give the runs of documents of one input: its place, their number, and the first."""
    assert dataset.manifest is not None
    start = 0
    for shard in dataset.manifest.shards:
        for place, count in shard["segments"]:
            yield place, count, start
            start += count


def begin(output: Path, how: Mapping[str, Any], into: bool = False) -> None:
    """Ready a folder that is empty, or was left by the same work."""
    data = json_bytes(how)
    mark = output / MARK
    if output.is_dir() and not into:
        if mark.exists() and mark.read_bytes() == data and not (output / NAME).exists():
            shutil.rmtree(output)
        elif next(output.iterdir(), None) is not None:
            raise ValueError(f"{output}: not empty; choose another folder to write to")
    put_bytes(mark, data)


def copy(
    parts: Sequence[Part | Mixed],
    output: Path,
    kind_name: str | None,
    shard_size: int,
    how: Mapping[str, Any],
    into: bool = False,
) -> Manifest:
    """Copy documents to a folder of shards, with a manifest that says where they are from."""
    datasets = [it for part in parts for it in (part.datasets if isinstance(part, Mixed) else (part.dataset,))]
    first = datasets[0]
    kind = named(kind_name) if kind_name else first.format
    about = _tokenizer(datasets)
    vocab_size = int(about.get("vocab_size", 0)) or _vocab_size(datasets)
    dtype = kind.dtype(vocab_size)
    settings = Settings(dtype, about.get("name", ""), vocab_size, _masks(datasets, kind))
    begin(output, how, into)
    if not into:
        _keep_tokenizer(datasets, output)
    inputs, bases = _inputs(datasets)
    tally = _Tally(inputs)
    with Series(output, kind, settings, 0, shard_size or kind.shard_size) as series:
        for batch, sums, origins in _read(parts, bases):
            start = 0
            for origin, count in origins:
                own = batch[start : start + count]
                series.add(own, origin, sums[start : start + count])
                tally.add(origin, count, int(own.offsets[-1]))
                start += count
        shards = series.close()
    counts = tally.counts() if inputs else []
    if all(part.documents is None for part in parts if isinstance(part, Part)) and not into:
        whole = [it.manifest.counts for it in datasets if it.manifest]
        counts = sum_counts(row for rows in whole for row in rows) if isinstance(parts[0], Part) else counts
    elif into and first.manifest:
        counts = first.manifest.counts
    options = dict(first.manifest.options) if into and first.manifest else {"made by": dict(how)}
    skipped = first.manifest.skipped if into and first.manifest else {}
    manifest = Manifest(output, kind.name, dtype.name, about, shards, inputs, counts, skipped, options)
    write_index(manifest)
    manifest.save()
    (output / MARK).unlink(missing_ok=True)
    remove_partial(output)
    sync_folder(output)
    return manifest


def _tokenizer(datasets: Sequence[Dataset]) -> dict[str, Any]:
    known = [it.manifest.tokenizer for it in datasets if it.manifest]
    for it in known[1:]:
        if it.get("sha256") != known[0].get("sha256"):
            raise ValueError(f"folders: of different tokenizers: {known[0].get('name')} and {it.get('name')}")
    return dict(known[0]) if known else {}


def _masks(datasets: Sequence[Dataset], kind: Format) -> bool:
    """Tell whether documents have masks: all or none of them, in a format that has a place for them."""
    own = [it.has_masks for it in datasets if len(it)]
    if any(own) and not all(own):
        raise ValueError("folders: some have masks of chats, others have none")
    if any(own) and not kind.has_masks:
        raise ValueError(f"format: {kind.name} has no place for the masks of chats")
    return any(own)


def _vocab_size(datasets: Sequence[Dataset]) -> int:
    """Tell the size of the vocabulary by the integers of shards without a manifest."""
    kinds = [it.shard(0).read(0, 1).ids.dtype for it in datasets if it.shards]
    return max((1 << 16 if kind.itemsize <= 2 else 1 << 31 for kind in kinds), default=1 << 16)


def _keep_tokenizer(datasets: Sequence[Dataset], output: Path) -> None:
    for it in datasets:
        path = kept_tokenizer(it.folder)
        if path is not None:
            put_bytes(tokenizer_path(output, ""), path.read_bytes())
            return


def _inputs(datasets: Sequence[Dataset]) -> tuple[list[dict[str, Any]], dict[int, int]]:
    """Join the inputs of all folders; give the place of the first of each."""
    inputs: list[dict[str, Any]] = []
    bases: dict[int, int] = {}
    for dataset in datasets:
        if id(dataset) not in bases:
            bases[id(dataset)] = len(inputs)
            inputs += dataset.manifest.inputs if dataset.manifest else []
    return inputs, bases


class _Tally:
    def __init__(self, inputs: Sequence[Mapping[str, Any]]) -> None:
        self._inputs = inputs
        self._counts: dict[int, list[int]] = {}

    def add(self, origin: int, documents: int, tokens: int) -> None:
        own = self._counts.setdefault(origin, [0, 0])
        own[0] += documents
        own[1] += tokens

    def counts(self) -> list[dict[str, Any]]:
        """Bytes of text are not known any more, and given as 0."""
        rows = []
        for origin, (documents, tokens) in self._counts.items():
            about = self._inputs[origin] if origin >= 0 else {"source": "", "language": "und"}
            row = {"source": about["source"], "language": about["language"], "documents": documents, "tokens": tokens}
            rows.append({**row, "bytes": 0})
        return sum_counts(rows)


class _Origins:
    """From documents to inputs and checksums."""

    def __init__(self, dataset: Dataset, base: int) -> None:
        self._dataset = dataset
        runs = list(segments(dataset)) if dataset.manifest else []
        self._starts = np.array([start for _, _, start in runs], dtype=np.int64)
        self._places = np.array([place + base if place >= 0 else -1 for place, _, _ in runs], dtype=np.int64)
        self._sums = [self._open(number) for number in range(len(dataset.shards))]

    def _open(self, number: int) -> NDArray[np.uint32] | None:
        stem = self._dataset.shards[number].name.removesuffix(self._dataset.format.main)
        path = self._dataset.folder / SUMS / f"{stem}.u32"
        count = int(self._dataset.bounds[number + 1] - self._dataset.bounds[number])
        if not path.exists() or path.stat().st_size != 4 * count or not count:
            return None
        return np.memmap(path, dtype="<u4", mode="r")

    def inputs(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        if not self._starts.size:
            return np.full(documents.size, -1, dtype=np.int64)
        found: NDArray[np.int64] = self._places[np.searchsorted(self._starts, documents, side="right") - 1]
        return found

    def sums(self, documents: NDArray[np.int64], batch: Encoded) -> NDArray[np.uint32]:
        bounds = self._dataset.bounds
        places = np.searchsorted(bounds, documents, side="right") - 1
        sums = np.empty(documents.size, dtype=np.uint32)
        for place in np.unique(places).tolist():
            own = np.flatnonzero(places == place)
            kept = self._sums[place]
            sums[own] = batch.take(own).checksums() if kept is None else kept[documents[own] - bounds[place]]
        return sums


Copied = tuple[Encoded, NDArray[np.uint32], list[tuple[int, int]]]


def _read(parts: Sequence[Part | Mixed], bases: Mapping[int, int]) -> Iterator[Copied]:
    """Give documents, their checksums, and runs of the same input."""
    origins: dict[int, _Origins] = {}

    def origin(dataset: Dataset) -> _Origins:
        return origins.setdefault(id(dataset), _Origins(dataset, bases[id(dataset)]))

    for part in parts:
        if isinstance(part, Mixed):
            yield from _read_mixed(part, origin)
            continue
        dataset = part.dataset
        if part.documents is None:
            start = 0
            for batch in dataset.batches(tokens=CHUNK):
                documents = np.arange(start, start + len(batch), dtype=np.int64)
                start += len(batch)
                yield batch, origin(dataset).sums(documents, batch), _runs(origin(dataset).inputs(documents))
            continue
        for documents in _chunks(part.documents, dataset):
            batch = dataset.take(documents)
            yield batch, origin(dataset).sums(documents, batch), _runs(origin(dataset).inputs(documents))


def _chunks(documents: NDArray[np.int64], dataset: Dataset, most: int = 1 << 16) -> Iterator[NDArray[np.int64]]:
    """Cut a list of documents where about `CHUNK` ids are reached."""
    mean = max(1, dataset.tokens // max(1, len(dataset)))
    step = max(1, min(most, CHUNK // mean))
    for start in range(0, documents.size, step):
        yield documents[start : start + step]


def _read_mixed(part: Mixed, origin: Any) -> Iterator[Copied]:  # noqa: ANN401
    step = 1 << 14
    for start in range(0, part.places.size, step):
        places, documents = part.places[start : start + step], part.documents[start : start + step]
        batches, sums, inputs, positions = [], [], [], []
        for place in np.unique(places).tolist():
            own = np.flatnonzero(places == place)
            dataset = part.datasets[place]
            batch = dataset.take(documents[own])
            batches.append(batch)
            sums.append(origin(dataset).sums(documents[own], batch))
            inputs.append(origin(dataset).inputs(documents[own]))
            positions.append(own)
        back = np.argsort(np.concatenate(positions), kind="stable")
        yield join(batches).take(back), np.concatenate(sums)[back], _runs(np.concatenate(inputs)[back])


def _runs(values: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Give runs of the same value: the value and how often it stands there."""
    if not values.size:
        return []
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1])
    counts = np.diff(np.concatenate([starts, [values.size]]))
    return list(zip(values[starts].tolist(), counts.tolist(), strict=True))
