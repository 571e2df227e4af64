"""Shards to shards without decoding: merge, split, sample and shuffle, in any format."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eurotok.corpus import StrPath
from eurotok.shards.copying import Mixed, Part, begin, copy, segments
from eurotok.shards.dataset import Dataset
from eurotok.shards.manifest import Manifest
from eurotok.sizes import bytes_of

WHOLE = 1 << 62
"""More bytes than any shard has."""


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
    begin(target, {"split": str(folder), "names": names})
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
        known = sorted(sources)
    else:
        dataset = Dataset(sources)
        if mix is None:
            known = ["all"]
            pools = {"all": [Part(dataset, np.arange(len(dataset), dtype=np.int64))]}
        else:
            found = _labelled(dataset)
            known = sorted(found)
            pools = {name: [Part(dataset, documents)] for name, documents in found.items() if name in mix}
    absent = sorted(set(mix or ()) - set(pools))
    if absent:
        raise ValueError(f"mix: {absent[0]!r} is not one of the sources, which are {', '.join(known)}")
    return pools


def _labelled(dataset: Dataset) -> dict[str, NDArray[np.int64]]:
    """Give the documents of each source, or of each language, by the manifest."""
    if dataset.manifest is None:
        raise ValueError(f"{dataset.folder}: no manifest tells the sources: pass a folder for each")
    found: dict[str, list[NDArray[np.int64]]] = {}
    for place, count, start in segments(dataset):
        if place < 0:
            continue
        about = dataset.manifest.inputs[place]
        own = np.arange(start, start + count, dtype=np.int64)
        for name in {about["source"], about["language"]}:
            found.setdefault(name, []).append(own)
    return {name: np.concatenate(parts) for name, parts in found.items()}


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
