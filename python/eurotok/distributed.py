"""Counts and shards of a corpus on many machines, by Ray Data. Needs the extra `eurotok[ray]`.

A task counts some files on one core, and its counts travel as the bytes of a counts file. Adding them is associative
and commutative, so they are added in a tree, whoever is ready first, and the sum is that of one machine. A task has no
effect but its result: if its worker dies, Ray runs it again elsewhere, and nothing is lost or counted twice.
"""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, reduce
from math import ceil
from operator import add
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eurotok import shards
from eurotok._core import CorpusError, Counts
from eurotok.literals import Errors, Scheme
from eurotok.shards.inputs import Inputs
from eurotok.shards.manifest import Manifest
from eurotok.shards.writing import Given
from eurotok.sources import Source, list_files
from eurotok.training.counting import DEFAULT_SCHEME, add_files

TASK_BYTES = 256 << 20
"""The most bytes of a task, unless a single file is larger: seconds of work, so that a lost task costs little."""

TASKS_A_CORE = 4
"""Tasks for each core of the cluster, or more, so that all cores end at about the same time."""

FAN_IN = 8
"""Counts that are added by one task."""


def count(
    source: Source,
    scheme: Scheme = DEFAULT_SCHEME,
    *,
    address: str | None = None,
    max_retries: int = 3,
    errors: Errors = "strict",
    progress: bool = False,
) -> Counts:
    """Count pieces on a Ray cluster, with the result of `eurotok.count`.

    Parameters
    ----------
    source
        A folder (see `eurotok.corpus.find_languages`), files, or `{language: file or files}`. Every machine sees the
        files by the same path. A file is read by one task, so large corpora are better kept in files of at most
        gigabytes.
    scheme
        The splitting rule: a name of `eurotok.schemes()` or a regex.
    address
        The cluster, as for `ray.init`, with this package on each machine. By default the one that this process is
        connected to or `RAY_ADDRESS` names, or else one that is started on this machine for the time of the call.
    max_retries
        How many times a task is run again because its worker was lost; -1: as often as it takes.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.
    progress
        Whether Ray shows the progress.

    Returns
    -------
    Counts
        Equal to those of one machine, whatever the number and the order of the tasks.

    Raises
    ------
    OSError
        If a file cannot be read.
    CorpusError
        If a file is not what its name says, naming the byte or line at fault, or if there is no text at all.
    ImportError
        If Ray is absent.
    ConnectionError
        If there is no cluster at `address`.
    ray.exceptions.RayError
        If a task was lost more than `max_retries` times.

    Examples
    --------
    >>> counts = eurotok.distributed.count("corpus/", address="head:6379")  # doctest: +SKIP
    >>> eurotok.train(counts, vocab_size=131_072).save("tokenizer.json")  # doctest: +SKIP
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError("counting on many machines needs Ray: pip install 'eurotok[ray]'") from error

    empty = Counts(scheme)  # refuses a bad scheme before there is a cluster
    files = [(language, path.absolute()) for language, paths in list_files(source).items() for path in paths]
    sizes = [path.stat().st_size for _, path in files]
    with _connected(address), _settings(progress):
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call,unused-ignore]
        least = ceil(sum(sizes) / (TASKS_A_CORE * resources.get("CPU", 1)))
        units = _group(files, sizes, min(TASK_BYTES, least))
        rows = ray.data.from_items([{"files": unit} for unit in units], override_num_blocks=max(1, len(units)))
        try:
            counted = rows.map(partial(_count_files, scheme=scheme, errors=errors), num_cpus=1, max_retries=max_retries)
            parts = counted.materialize()
            while (rest := parts.count()) > FAN_IN:
                blocks = parts.repartition(ceil(rest / FAN_IN))
                sums = blocks.map_batches(_add_up, batch_size=None, num_cpus=1, max_retries=max_retries)
                parts = sums.materialize()
            packed = [row["counts"] for row in parts.take_all()]
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, _TaskError):
                raise error.cause.error from None
            raise
    counts = reduce(add, map(_unpack, packed), empty)
    if not any(counts.bytes.values()):
        raise CorpusError("the source holds no text")
    return counts


def write(
    inputs: Inputs,
    folder: str | os.PathLike[str],
    *,
    tokenizer: Given | Mapping[str, Given],
    address: str | None = None,
    max_retries: int = 3,
    progress: bool = False,
    **options: Any,  # noqa: ANN401 - those of `eurotok.shards.write`
) -> Manifest:
    """Tokenize files into shards on a Ray cluster, with the bytes of `eurotok.shards.write`.

    Parameters
    ----------
    inputs, folder, tokenizer
        As for `eurotok.shards.write`, but for what is in memory. Every machine sees files and folder by the same path.
    address, max_retries, progress
        As for `count`.
    **options
        The options of `eurotok.shards.write`, but for `threads`, `worker` and `progress`.

    Returns
    -------
    Manifest
        As for `eurotok.shards.write`. A call that was stopped, or whose workers were lost, goes on where it was.

    Raises
    ------
    OSError, CorpusError, ValueError
        As for `eurotok.shards.write`.
    ImportError, ConnectionError, ray.exceptions.RayError
        As for `count`.

    Examples
    --------
    >>> eurotok.distributed.write("data/", "/shared/shards", tokenizer="euro-128k", eos=0)  # doctest: +SKIP
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError("writing on many machines needs Ray: pip install 'eurotok[ray]'") from error
    target = Path(folder).absolute()
    parts = shards.plan(inputs, target, tokenizer=tokenizer, **options)
    with _connected(address), _settings(progress):
        rows = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=max(1, len(parts)))
        try:
            done = rows.map(partial(_write_part, folder=str(target)), num_cpus=1, max_retries=max_retries)
            done.materialize()
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, _TaskError):
                raise error.cause.error from None
            raise
    return shards.finish(target)


def _write_part(row: dict[str, Any], folder: str) -> dict[str, int]:
    try:
        shards.work(folder, [row["part"]], threads=1)
    except Exception as error:
        raise _TaskError(error) from None
    return {"part": row["part"]}


class _TaskError(Exception):
    """Carries an error from a worker as it was: Ray adds advice to those it carries itself."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error

    def __reduce__(self) -> tuple[type[_TaskError], tuple[Exception]]:
        return _TaskError, (self.error,)


def _count_files(row: dict[str, Any], scheme: Scheme, errors: Errors) -> dict[str, bytes]:
    counts = Counts(scheme)
    try:
        for file in row["files"]:
            add_files(counts, {file["language"]: [Path(file["path"])]}, threads=1, errors=errors)
    except Exception as error:
        raise _TaskError(error) from None
    return {"counts": _pack(counts)}


def _add_up(rows: dict[str, Any]) -> dict[str, list[bytes]]:
    try:
        return {"counts": [_pack(reduce(add, map(_unpack, rows["counts"])))]}
    except Exception as error:
        raise _TaskError(error) from None


def _pack(counts: Counts) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "counts"
        counts.save(path)
        return path.read_bytes()


def _unpack(packed: bytes) -> Counts:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "counts"
        path.write_bytes(packed)
        return Counts.load(path)


def _group(files: Iterable[tuple[str, Path]], sizes: Iterable[int], least: int) -> list[list[dict[str, str]]]:
    """Put files in a row together until they have `least` bytes."""
    units: list[list[dict[str, str]]] = []
    room = 0
    for (language, path), size in zip(files, sizes, strict=True):
        if room <= 0:
            units.append([])
            room = least
        units[-1].append({"language": language, "path": str(path)})
        room -= size
    return units


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """Connect to a cluster and leave it, unless this process has done so itself."""
    import ray

    if address is None and ray.is_initialized():
        yield
        return
    if address and ":" in address and "://" not in address:
        host, _, port = address.rpartition(":")
        try:  # Ray itself tries for many minutes
            socket.create_connection((host, port), timeout=10).close()
        except OSError as error:
            raise ConnectionError(f"no Ray cluster at {address}: {error.strerror or error}") from None
    ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _settings(progress: bool) -> Iterator[None]:
    """Have Ray Data show what is asked for and nothing else; what goes wrong is raised, not logged."""
    import ray.data

    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    wanted = {
        "enable_progress_bars": progress,
        "print_on_execution_start": False,
        "raise_original_map_exception": True,
    }
    before, level = {name: getattr(context, name) for name in wanted}, logger.level
    try:
        logger.setLevel(logging.CRITICAL)
        for name, value in wanted.items():
            setattr(context, name, value)
        with warnings.catch_warnings():
            # Its next name is not there yet, and without it a task that kills its worker is run again for ever.
            warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
            yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)
        logger.setLevel(level)
