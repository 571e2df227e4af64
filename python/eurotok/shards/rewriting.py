"""Shards to shards without decoding: merge, split, sample and shuffle, in any format.

Documents are copied by their numbers, shard after shard. No more is held than a number for each that is picked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eurotok.corpus import StrPath
from eurotok.shards.dataset import Dataset
from eurotok.shards.encoded import Encoded
from eurotok.shards.formats import Settings, named
from eurotok.shards.indexing import write_index
from eurotok.shards.manifest import NAME, Manifest, sum_counts
from eurotok.shards.output import HIDDEN, json_bytes, put_bytes, remove_partial, sync_folder
from eurotok.shards.planning import kept_tokenizer, tokenizer_path
from eurotok.shards.series import SUMS, Series
from eurotok.sizes import bytes_of

MARK = f"{HIDDEN}/rewriting.json"
"""Marks a folder that is being written from other shards. If the run is killed, the folder may be replaced."""

CHUNK = 1 << 22
"""Ids that are copied at a time."""

WHOLE = 1 << 62
"""More bytes than any shard has."""


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


def merge(
    folders: Sequence[StrPath] | StrPath,
    output: StrPath,
    *,
    format: str | None = None,  # noqa: A002
    shard_size: int | str | None = None,
) -> Manifest:
    """Put shards one behind the other, into one shard or into shards of another size or format.

    Parameters
    ----------
    folders
        Folders of shards, all of the same tokenizer.
    output
        A folder that is empty or not there.
    format
        The format of the output; by default that of the first folder.
    shard_size
        Bytes of ids in a shard; by default all go into one.

    Returns
    -------
    Manifest
        Of the output.

    Raises
    ------
    OSError
        If something cannot be read or written.
    FormatError
        If a folder has no shards, or one contradicts itself.
    ValueError
        If the folders are of different tokenizers, or the output is not empty.
    """
    paths = [folders] if isinstance(folders, (str, os.PathLike)) else list(folders)
    if not paths:
        raise ValueError("folders: none is given")
    datasets = [Dataset(path) for path in paths]
    size = WHOLE if shard_size is None else bytes_of(shard_size)
    return copy([Part(it) for it in datasets], Path(output), format, size, {"merge": [str(it) for it in paths]})


def split(
    folder: StrPath,
    output: StrPath,
    *,
    ratios: Mapping[str, float] | None = None,
    lengths: Sequence[int] | None = None,
    seed: int = 0,
    shard_size: int | str | None = None,
) -> dict[str, Manifest]:
    """Divide documents among folders: at random by ratios, or by their lengths. Their order is kept.

    Parameters
    ----------
    folder
        Shards.
    output
        A folder that is empty or not there, for a folder of each division.
    ratios
        The name of each division and its share, such as `{"train": 99, "test": 1}`.
    lengths
        Numbers of ids that divide documents, such as `[4096, 32768]`: the folders are then `0-4095`, `4096-32767` and
        `32768-`.
    seed
        The seed of the draw by ratios.
    shard_size
        Bytes of ids in a shard.

    Returns
    -------
    dict[str, Manifest]
        Of each division that has a document.

    Raises
    ------
    OSError, FormatError
        As for `merge`.
    ValueError
        If not exactly one of `ratios` and `lengths` is given, or one is outside its domain.
    """
    if (ratios is None) == (lengths is None):
        raise ValueError("split: give either ratios or lengths")
    dataset, target = Dataset(folder), Path(output)
    if ratios is not None:
        names = list(ratios)
        shares = np.array([float(ratios[name]) for name in names])
        if not names or np.any(shares < 0) or not shares.sum() > 0:
            raise ValueError("ratios: each is a number from 0 on, and one of them above 0")
        for name in names:
            if not name or Path(name).name != name or name.startswith("."):
                raise ValueError(f"ratios: {name!r} is no name for a folder")
        draws = np.random.default_rng(seed).random(len(dataset))
        place = np.searchsorted(np.cumsum(shares / shares.sum())[:-1], draws, side="right")
    else:
        bounds = sorted(lengths or [])
        if not bounds or bounds[0] < 1 or len(set(bounds)) < len(bounds):
            raise ValueError("lengths: numbers of ids above 0 are needed, each once")
        ranges = zip([0, *bounds], [*bounds, None], strict=True)
        names = [f"{low}-{'' if high is None else high - 1}" for low, high in ranges]
        place = np.searchsorted(bounds, dataset.lengths(), side="right")
    _begin(target, {"split": str(folder), "names": names})
    size = 0 if shard_size is None else bytes_of(shard_size)
    done = {}
    for number, name in enumerate(names):
        documents = np.flatnonzero(place == number)
        if documents.size:
            how = {"split": str(folder), "name": name, "seed": seed}
            done[name] = copy([Part(dataset, documents)], target / name, None, size, how)
    return done


@dataclass(frozen=True)
class Sampled:
    """The result of `sample`.

    Attributes
    ----------
    manifest
        Of the output.
    epochs
        The number of times that each source was read, such as 2.5.
    tokens
        Ids of each source in the output.
    """

    manifest: Manifest
    epochs: dict[str, float]
    tokens: dict[str, int]


def sample(
    sources: StrPath | Mapping[str, StrPath],
    output: StrPath,
    *,
    tokens: int | str,
    mix: Mapping[str, float] | None = None,
    seed: int = 0,
    format: str | None = None,  # noqa: A002
    shard_size: int | str | None = None,
) -> Sampled:
    """Draw documents from sources by weight, in a random order: each as a whole, none twice before all were drawn once.

    Parameters
    ----------
    sources
        Folders of shards by the names of the sources; or one folder, whose manifest then tells the source and the
        language of its documents, either of which can be weighed.
    output
        A folder that is empty or not there.
    tokens
        The number of ids to draw, such as `10_000_000` or `"10M"`. A source ends with the document that reaches its
        share.
    mix
        The weight of each source; by default all ids have the same chance. A source that is not named is left out.
    seed
        The seed of the draw.
    format, shard_size
        As for `merge`; by default shards have the size of the format.

    Returns
    -------
    Sampled
        The manifest, and how often each source was read.

    Raises
    ------
    OSError, FormatError
        As for `merge`.
    ValueError
        If a source of the mix is not there or empty, a weight is negative, or the output is not empty.
    """
    wanted = number_of(tokens)
    pools = _pools(sources, mix)
    sizes = {name: sum(int(it.dataset.lengths()[it.documents].sum()) for it in pool) for name, pool in pools.items()}
    weights = {name: float(mix[name]) for name in mix} if mix is not None else {it: float(sizes[it]) for it in pools}
    if any(weight < 0 for weight in weights.values()) or not sum(weights.values()) > 0:
        raise ValueError("mix: each weight is a number from 0 on, and one of them above 0")
    drawn: list[Part] = []
    epochs: dict[str, float] = {}
    taken: dict[str, int] = {}
    for number, (name, pool) in enumerate(sorted(pools.items())):
        share = round(wanted * weights[name] / sum(weights.values()))
        if share and not sizes[name]:
            raise ValueError(f"mix: {name} has no tokens")
        (own,) = pool
        documents = _draw(own, share, np.random.default_rng([seed, number]))
        taken[name] = int(own.dataset.lengths()[documents].sum())
        epochs[name] = taken[name] / sizes[name] if sizes[name] else 0.0
        drawn.append(Part(own.dataset, documents))
    size = 0 if shard_size is None else bytes_of(shard_size)
    how = {"sample": wanted, "mix": weights, "seed": seed, "epochs": epochs}
    return Sampled(copy(_mixed(drawn, seed), Path(output), format, size, how), epochs, taken)


def shuffle(
    folder: StrPath,
    output: StrPath,
    *,
    seed: int = 0,
    shard_size: int | str | None = None,
    into: bool = False,
) -> Manifest:
    """Give all documents a random order.

    Parameters
    ----------
    folder
        Shards.
    output
        A folder that is empty or not there.
    seed
        The seed of the order.
    shard_size
        Bytes of ids in a shard; by default that of the run that wrote them, or of the format.
    into
        Whether the output may hold other files: it is the folder of a run.

    Returns
    -------
    Manifest
        Of the output.

    Raises
    ------
    OSError, FormatError, ValueError
        As for `merge`.
    """
    dataset = Dataset(folder)
    order = np.random.default_rng(seed).permutation(len(dataset))
    stated = dataset.manifest.options.get("shard_size", 0) if dataset.manifest else 0
    size = int(stated) if shard_size is None else bytes_of(shard_size)
    how = {"shuffle": seed} if into else {"shuffle": seed, "of": str(folder)}
    return copy([Part(dataset, order)], Path(output), None, size, how, into)


def number_of(written: int | str) -> int:
    """Read a number such as `"10B"`: K, M, B and T are thousands, millions, 10^9 and 10^12.

    >>> number_of("1.5M"), number_of("10B"), number_of(7)
    (1500000, 10000000000, 7)
    """
    if isinstance(written, int):
        return written
    text = written.strip().replace("_", "").replace(",", "")
    factor = {"k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}.get(text[-1:].lower())
    try:
        number = round(float(text[:-1] if factor else text) * (factor or 1))
    except ValueError:
        raise ValueError(f"tokens: {written!r} is no number, such as 10B or 500M") from None
    if number < 1:
        raise ValueError(f"tokens: {written!r} is not above 0")
    return number


def _pools(sources: StrPath | Mapping[str, StrPath], mix: Mapping[str, float] | None) -> dict[str, list[Part]]:
    if isinstance(sources, Mapping):
        whole = {name: Dataset(path) for name, path in sources.items() if mix is None or name in mix}
        pools = {name: [Part(it, np.arange(len(it), dtype=np.int64))] for name, it in whole.items()}
    else:
        dataset = Dataset(sources)
        if mix is None:
            pools = {"all": [Part(dataset, np.arange(len(dataset), dtype=np.int64))]}
        else:
            pools = {name: [Part(dataset, documents)] for name, documents in _labelled(dataset, mix).items()}
    absent = sorted(set(mix or ()) - set(pools))
    if absent:
        raise ValueError(f"mix: {absent[0]!r} is not one of the sources, which are {', '.join(sorted(pools))}")
    return pools


def _labelled(dataset: Dataset, names: Iterable[str]) -> dict[str, NDArray[np.int64]]:
    """Give the documents of each source, or of each language, by the manifest."""
    if dataset.manifest is None:
        raise ValueError(f"{dataset.folder}: no manifest tells the sources: pass a folder for each")
    found: dict[str, list[NDArray[np.int64]]] = {}
    for place, count, start in _segments(dataset):
        if place < 0:
            continue
        about = dataset.manifest.inputs[place]
        own = np.arange(start, start + count, dtype=np.int64)
        for name in {about["source"], about["language"]}:
            found.setdefault(name, []).append(own)
    wanted = set(names)
    return {name: np.concatenate(parts) for name, parts in found.items() if name in wanted}


def _segments(dataset: Dataset) -> Iterator[tuple[int, int, int]]:
    """Give the runs of documents of one input: its place, their number, and the first."""
    assert dataset.manifest is not None
    start = 0
    for shard in dataset.manifest.shards:
        for place, count in shard["segments"]:
            yield place, count, start
            start += count


def _draw(part: Part, tokens: int, rng: np.random.Generator) -> NDArray[np.int64]:
    assert part.documents is not None
    pool = part.documents
    lengths = part.dataset.lengths()[pool]
    whole, chosen = int(lengths.sum()), []
    while tokens > 0 and whole:
        order = rng.permutation(pool.size)
        if tokens < whole:
            order = order[: int(np.searchsorted(np.cumsum(lengths[order]), tokens)) + 1]
        chosen.append(pool[order])
        tokens -= whole
    return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.int64)


def _mixed(parts: Sequence[Part], seed: int) -> list[Part | Mixed]:
    """Put the documents of several parts in one random order."""
    places = np.concatenate([np.full(_documents(it).size, number) for number, it in enumerate(parts)])
    documents = np.concatenate([_documents(it) for it in parts])
    order = np.random.default_rng([seed, len(parts)]).permutation(places.size)
    places, documents = places[order], documents[order]
    return [Mixed(tuple(it.dataset for it in parts), places, documents)]


def _documents(part: Part) -> NDArray[np.int64]:
    return np.arange(len(part.dataset), dtype=np.int64) if part.documents is None else part.documents


def _begin(output: Path, how: Mapping[str, Any], into: bool = False) -> None:
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
    _begin(output, how, into)
    if not into:
        _keep_tokenizer(datasets, output)
    inputs, bases = _inputs(datasets)
    tally = _Tally(inputs)
    settings = Settings(dtype, about.get("name", ""), vocab_size)
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
        runs = list(_segments(dataset)) if dataset.manifest else []
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
    from eurotok.shards.dataset import join

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
