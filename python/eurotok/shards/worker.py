"""Parts of a plan, done one by one: inputs in, shards and a line of the journal out.

Shards get their names when they are complete, and the journal names a part when all of its shards have theirs. So a
worker that is killed at any moment leaves only finished parts, and files that nobody reads. A worker that does a part
again writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eurotok import _core
from eurotok.shards import planning as plans
from eurotok.shards.chats import Chats
from eurotok.shards.chats import encode as encode_chats
from eurotok.shards.documents import Read, Reading, read
from eurotok.shards.encoded import Encoded
from eurotok.shards.filters import Filter
from eurotok.shards.formats import Settings, named
from eurotok.shards.inputs import STDIN, Input, fingerprint, is_url
from eurotok.shards.manifest import sum_counts
from eurotok.shards.meter import Meter
from eurotok.shards.output import HIDDEN, json_bytes, put_bytes
from eurotok.shards.planning import Options, Plan
from eurotok.shards.series import Series
from eurotok.tokenizer import Tokenizer

ORDERED = f"{HIDDEN}/ordered"
"""Where shards stand that are yet to be shuffled."""

AHEAD = 2
"""Batches that wait to be written while the next one is encoded."""


def place_of(folder: Path, options: Options, tokenizer: str, split: str) -> Path:
    """Name the folder to which the documents of a split go under one of the tokenizers."""
    base = folder / ORDERED if options.shuffle is not None else folder
    return base / tokenizer / split


class Worker:
    """Does parts of a plan.

    Parameters
    ----------
    folder
        The output.
    plan
        Its plan.
    tokenizers
        The tokenizers by the folders of their outputs; by default the tokenizers that the output keeps.
    objects
        Inputs in memory, by their paths.
    threads
        How many threads encode.
    """

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        tokenizers: Mapping[str, Tokenizer] | None = None,
        objects: Mapping[str, Any] | None = None,
        threads: int | None = None,
    ) -> None:
        self._folder, self._plan, self._threads = folder, plan, threads
        self._objects = dict(objects or {})
        self._tokenizers = dict(tokenizers) if tokenizers is not None else kept_tokenizers(folder, plan)
        options = plan.options
        self._kind = named(options.format)
        self._filter = None if options.where is None else Filter(options.where)
        columns = list(self._filter.fields) if self._filter else []
        columns += [it for it in (options.source_field, options.language_field) if it and it not in columns]
        self._reading = Reading(
            options.text,
            options.id,
            tuple(columns),
            options.lines,
            options.missing,
            options.errors,
            options.max_document,
            options.chat,
        )

    def run(self, parts: Iterable[int], meter: Meter) -> None:
        """Do the parts that are not done yet."""
        for part in parts:
            if plans.is_done(self._folder, part):
                meter.skip(sum(self._plan.inputs[place].size for place in self._plan.parts[part]))
            else:
                self._do(part, meter)

    def _do(self, part: int, meter: Meter) -> None:
        options = self._plan.options
        with ExitStack() as stack:
            series: dict[tuple[str, str], Series] = {}
            for name, about in self._plan.tokenizers.items():
                dtype = self._kind.dtype(about["vocab_size"], options.dtype)
                settings = Settings(dtype, about["name"], about["vocab_size"], options.chat is not None)
                limit = options.shard_size or self._kind.shard_size
                for split in options.splits:
                    folder = place_of(self._folder, options, name, split)
                    own = Series(folder, self._kind, settings, part, limit)
                    series[name, split] = stack.enter_context(own)
            tally = Tally()
            hashes: dict[str, Any] = {}
            with writing() as write:
                for place in self._plan.parts[part]:
                    source = self._plan.inputs[place]
                    self._add_input(place, source, series, tally, write, meter, hashes)
                    meter.end(source.size)
            shards = [
                {"tokenizer": name, "split": split, "shards": own.close()} for (name, split), own in series.items()
            ]
        record = {"part": part, "inputs": hashes, "outputs": shards, **tally.to_json()}
        put_bytes(plans.journal_path(self._folder, part), json_bytes(record))

    def _add_input(
        self,
        place: int,
        source: Input,
        series: Mapping[tuple[str, str], Series],
        tally: Tally,
        write: Any,  # noqa: ANN401
        meter: Meter,
        hashes: dict[str, Any],
    ) -> None:
        in_file = source.path not in self._objects and source.path != STDIN
        if in_file and fingerprint(source.path) != (source.size, source.fingerprint):
            raise _core.CorpusError(f"{source.path}: it changed since the run was planned")
        digest = None
        with ThreadPoolExecutor(1) as hasher, stopping() as stopped:
            if in_file and not is_url(source.path):
                digest = hasher.submit(_sha256, source.path, stopped)
            held = self._objects.get(source.path)
            if source.path.startswith("dataset:") and held is None:
                raise ValueError(f"{source.path}: a data set in memory: pass it again to go on")
            for some in read(source, self._reading, self._threads, held):
                tally.skip(missing=some.missing, null=some.null)
                self._add(place, source, some, series, tally, write, meter)
                meter.at(some.position)
        hashes[str(place)] = digest.result() if digest else source.fingerprint

    def _add(
        self,
        place: int,
        source: Input,
        some: Read,
        series: Mapping[tuple[str, str], Series],
        tally: Tally,
        write: Any,  # noqa: ANN401
        meter: Meter,
    ) -> None:
        options, documents = self._plan.options, some.documents
        count = len(documents)
        if not count:
            return
        wanted = np.ones(count, dtype=bool)
        if self._filter:
            wanted &= np.array(self._filter.mask(some.columns), dtype=bool)
        validating = np.zeros(count, dtype=bool)
        if options.validation:
            validating = documents.hashes() < np.uint64(options.validation * 2**64)
        labels = self._labels(source, some)
        names = documents.ids() if options.id else None
        sizes, numbers, first = documents.bytes, documents.numbers, next(iter(self._tokenizers))
        for tokenizer, processor in self._tokenizers.items():
            if isinstance(documents, Chats):
                template = self._plan.tokenizers[tokenizer]["chat_template"]
                batch = encode_chats(documents, processor, template, source.path)
            else:
                ids, offsets = documents.encode(processor, options.specials, options.bos, options.eos, self._threads)
                batch = Encoded(ids, offsets, names, numbers, source.path)
            keep = wanted & (batch.lengths >= options.min_tokens)
            if options.max_tokens is not None:
                keep &= batch.lengths <= options.max_tokens
            for split in options.splits:
                own = keep & (validating == (split == plans.VALIDATION))
                chosen = batch if own.all() else batch.take(np.flatnonzero(own))
                tally.count(tokenizer, split, labels, own, batch.lengths, sizes)
                if tokenizer == first:
                    meter.add(len(chosen), int(chosen.offsets[-1]), int(sizes[own].sum()))
                write(series[tokenizer, split].add, chosen, place)
            tally.skip(**{f"filtered:{tokenizer}": int(count - keep.sum())})

    def _labels(self, source: Input, some: Read) -> list[tuple[str, str]] | tuple[str, str]:
        """Give source and language: of each document, if fields tell them, or of the input."""
        options = self._plan.options
        if not options.source_field and not options.language_field:
            return source.source, source.language
        count = len(some.documents)
        sources = some.columns[options.source_field] if options.source_field else [source.source] * count
        languages = some.columns[options.language_field] if options.language_field else [source.language] * count
        return [
            (str(own) if own is not None else source.source, str(tag) if tag is not None else source.language)
            for own, tag in zip(sources, languages, strict=True)
        ]


class Tally:
    """Counts of a part."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._skipped: dict[str, int] = {}

    def count(
        self,
        tokenizer: str,
        split: str,
        labels: list[tuple[str, str]] | tuple[str, str],
        own: NDArray[np.bool_],
        lengths: NDArray[np.int64],
        sizes: NDArray[np.int64],
    ) -> None:
        """Count the documents that `own` marks."""
        groups: dict[tuple[str, str], NDArray[Any]]
        if isinstance(labels, tuple):
            groups = {labels: own}
        else:
            places: dict[tuple[str, str], list[int]] = {}
            for place in np.flatnonzero(own).tolist():
                places.setdefault(labels[place], []).append(place)
            groups = {label: np.array(some, dtype=np.int64) for label, some in places.items()}
        rows = [
            {
                "source": source,
                "language": language,
                "documents": int(lengths[chosen].size),
                "tokens": int(lengths[chosen].sum()),
                "bytes": int(sizes[chosen].sum()),
            }
            for (source, language), chosen in groups.items()
        ]
        before = self._counts.get((tokenizer, split), [])
        self._counts[tokenizer, split] = sum_counts([*before, *rows])

    def skip(self, **counts: int) -> None:
        """Count records that are in no shard."""
        for name, count in counts.items():
            self._skipped[name] = self._skipped.get(name, 0) + count

    def to_json(self) -> dict[str, Any]:
        """Give the entry for the journal."""
        counts = [{"tokenizer": key[0], "split": key[1], "counts": rows} for key, rows in self._counts.items()]
        return {"counts": counts, "skipped": self._skipped}


@contextmanager
def writing() -> Iterator[Any]:
    """Give a function that has another thread call functions, in order; an error comes back with a later call."""
    waiting: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(1) as writer:

        def write(call: Any, *arguments: Any) -> None:  # noqa: ANN401
            while len(waiting) >= AHEAD:
                waiting.popleft().result()
            waiting.append(writer.submit(call, *arguments))

        try:
            yield write
            while waiting:
                waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def stopping() -> Iterator[Event]:
    """Give an event that is set when an error ends the work, so that threads stop waiting."""
    stopped = Event()
    try:
        yield stopped
    except BaseException:
        stopped.set()
        raise


def _sha256(path: str, stopped: Event) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb", buffering=0) as file:
        while (data := file.read(1 << 22)) and not stopped.is_set():
            digest.update(data)
    return digest.hexdigest()


def kept_tokenizers(folder: Path, plan: Plan) -> dict[str, Tokenizer]:
    """Load the tokenizers that an output keeps.

    Raises
    ------
    FormatError
        If one is not the one of the plan.
    """
    found = {}
    for name, about in plan.tokenizers.items():
        path = plans.tokenizer_path(folder, name)
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != about["sha256"]:
            raise _core.FormatError(f"{path}: not the tokenizer of the plan")
        found[name] = Tokenizer(data, str(path))
    return found


def journal(folder: Path, plan: Plan) -> list[dict[str, Any]]:
    """Read the journal's entry of each part.

    Raises
    ------
    ValueError
        If some parts are not finished.
    """
    rest = plans.unfinished(folder, plan)
    if rest:
        shown = ", ".join(map(str, rest[:8])) + (" and more" if len(rest) > 8 else "")
        raise ValueError(f"{folder}: not finished: of {len(plan.parts)} parts these are not done: {shown}")
    return [json.loads(plans.journal_path(folder, part).read_bytes()) for part in range(len(plan.parts))]
