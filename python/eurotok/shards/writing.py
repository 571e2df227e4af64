"""`write` and `finish`: from inputs to a folder of shards."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eurotok.corpus import StrPath
from eurotok.loading import load as load_tokenizer
from eurotok.progress import Report
from eurotok.shards import planning as plans
from eurotok.shards.formats import named
from eurotok.shards.indexing import write_index
from eurotok.shards.inputs import STDIN, Inputs, Resolved, resolve
from eurotok.shards.manifest import NAME, Manifest, load, sum_counts
from eurotok.shards.meter import Meter
from eurotok.shards.output import remove_partial, sync_folder
from eurotok.shards.planning import Options, Plan
from eurotok.shards.rewriting import shuffle as reorder
from eurotok.shards.worker import ORDERED, Worker, journal, place_of
from eurotok.sizes import bytes_of
from eurotok.tokenizer import Tokenizer

REMOVED = f"{ORDERED}.removed"
"""The folder of shards that were shuffled, while it is removed."""

Given = Tokenizer | StrPath
"""A tokenizer, its name, or its file."""


def write(
    inputs: Inputs,
    folder: StrPath,
    *,
    tokenizer: Given | Mapping[str, Given],
    format: str = "megatron",  # noqa: A002 - the name that users look for
    text: str = "text",
    chat: str | None = None,
    id: str | None = None,  # noqa: A002
    lines: bool = False,
    missing: str = "error",
    errors: str = "strict",
    where: str | None = None,
    min_tokens: int = 0,
    max_tokens: int | None = None,
    bos: str | int | None = None,
    eos: str | int | None = None,
    specials: str = "text",
    dtype: str | None = None,
    shard_size: int | str | None = None,
    validation: float | str = 0.0,
    shuffle: int | None = None,
    source: str | None = None,
    language: str | None = None,
    max_document: int | str = 1 << 28,
    threads: int | None = None,
    worker: str | tuple[int, int] | None = None,
    progress: bool | Report = False,
) -> Manifest:
    r"""Tokenize files into shards that training frameworks read. A call that was killed goes on where it was.

    The bytes of the output depend on the inputs, the tokenizer and the options, not on threads, processes, machines or
    how often the work was interrupted. No more than some hundred megabytes are held, however large the inputs are.

    Parameters
    ----------
    inputs
        A file, folder, glob or URL; `"-"` for JSON Lines on standard input; a `datasets.Dataset`; an iterable of these;
        or a dict from the name of a source to any of these. Files are `.jsonl`, `.json`, `.ndjson` (JSON Lines),
        `.txt`, `.parquet` or `.arrow`; text may be `.gz`, `.zst` or `.xz`.
    folder
        The output: empty, or of the same run.
    tokenizer
        A tokenizer, its name or its file; or a dict of them by names, each of which gets a folder of its name in
        `folder`, in one pass over the inputs.
    format
        `megatron`, `datatrove`, `dolma`, `npy`, `mds`, `litdata`, `parquet` or `arrow`.
    text, id
        The fields of the text and of the document's id, by dotted paths (`content.body`).
    chat
        The field of a chat's messages, such as `messages`, in place of a text: each chat is rendered by the tokenizer's
        template, with the `tools` beside the messages, and the shards have a mask of the tokens that the assistant
        said. Formats with a place for masks are `datatrove`, `npy`, `parquet` and `arrow`.
    lines
        Whether each line of a `.txt` file is a document, instead of the whole file.
    missing
        The treatment of a record without text or id: `"error"`, or `"skip"`. The manifest counts skipped records.
    errors
        The treatment of bytes that are not UTF-8: `"strict"` or `"replace"`.
    where
        An expression over fields, such as `'lang == "fr" and score >= 0.5'` (see `eurotok.shards.filters`): other
        documents are left out.
    min_tokens, max_tokens
        Documents with fewer or more tokens, `bos` and `eos` included, are left out.
    bos, eos
        A token to put before or behind each document: the text of a special token, or an id.
    specials
        The meaning of special tokens in a text: `"text"` for text like any other, or `"parse"` for their ids.
    dtype
        The integers of the ids; by default the smallest that the format has for the vocabulary.
    shard_size
        Bytes of ids in a shard, such as `"1GB"`. Each part of the plan begins a shard of its own.
    validation
        The share of documents, such as `0.001` or `"0.1%"`, that go to the folder `validation`. The hash of a
        document's id (or of its text, if it has no id) decides, so a document is there in every run or in none.
    shuffle
        A seed, to give the documents a random order; by default they keep that of the inputs.
    source, language
        Fields by which documents are counted; by default the name of the file or of the key, and the language that it
        tells.
    max_document
        The longest line of JSON Lines, or text, that is read: `"256MiB"` by default. A longer one is refused before it
        is held.
    threads
        How many threads encode; by default all cores.
    worker
        `"2/8"` to do the second of eight shares of the parts only, as one of eight processes or machines that see the
        same files. `finish` then completes the folder.
    progress
        Whether to tell on standard error how far the work is (a line on a terminal, elsewhere a line of JSON a minute),
        or a function of (stage, done, total) to call.

    Returns
    -------
    Manifest
        Of the documents that are not for validation, under the first tokenizer. With `worker`, the state so far.

    Raises
    ------
    OSError
        If a file cannot be read or written.
    CorpusError
        If an input is damaged, naming the byte, line or row at fault.
    ValueError
        If an argument is outside its domain, or the folder is that of another run.
    ImportError
        If a package is absent that an input or the format needs.

    Examples
    --------
    >>> import eurotok, tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     book = Path(place, "fr.jsonl")
    ...     _ = book.write_text('{"text": "un, deux"}\n{"text": "trois"}\n')
    ...     written = eurotok.shards.write(book, Path(place, "shards"), tokenizer="euro-64k")
    ...     written.documents, sorted(written.files)
    (2, ['part-00000-00000.bin', 'part-00000-00000.idx'])
    """
    target, resolved = Path(folder), resolve(inputs)
    options = Options(
        format=named(format).name,
        text=text,
        chat=chat,
        id=id,
        lines=lines,
        missing=missing,
        errors=errors,
        where=where,
        min_tokens=min_tokens,
        max_tokens=max_tokens,
        bos=bos,
        eos=eos,
        specials=specials,
        dtype=dtype,
        shard_size=0 if shard_size is None else bytes_of(shard_size),
        validation=share(validation),
        shuffle=shuffle,
        source_field=source,
        language_field=language,
        max_document=bytes_of(max_document),
    )
    mine = parse_worker(worker) if worker is not None else (1, 1)
    settled, tokenizers = prepare(resolved, target, tokenizer, options)
    first = next(iter(tokenizers))
    if (target / first / NAME).exists() and not plans.unfinished(target, settled) and not (target / ORDERED).exists():
        shutil.rmtree(target / REMOVED, ignore_errors=True)
        return load(target / first)
    parts = range(mine[0] - 1, len(settled.parts), mine[1])
    run(target, settled, parts, tokenizers, resolved, threads, progress)
    if worker is not None:
        return draft(target, settled)
    return finish(target)


def plan(
    inputs: Inputs,
    folder: StrPath,
    *,
    tokenizer: Given | Mapping[str, Given],
    **options: Any,  # noqa: ANN401 - those of `write`
) -> list[int]:
    """Plan a run, and give the numbers of the parts that are not done: for engines that give them to workers.

    Parameters
    ----------
    inputs, folder, tokenizer, **options
        As for `write`; inputs in memory and standard input are refused, since a worker could not read them.

    Returns
    -------
    list[int]
        The numbers of the parts for `work`, on any machine that sees inputs and folder by the same paths.

    Raises
    ------
    OSError, CorpusError, ValueError, ImportError
        As for `write`.
    """
    resolved = resolve(inputs)
    if resolved.objects or any(it.path == STDIN for it in resolved.inputs):
        raise ValueError("inputs: workers read files, not data in memory or on standard input")
    for name in ("threads", "worker", "progress"):
        if name in options:
            raise TypeError(f"{name}: a plan does not depend on it")
    # Any share of no parts makes the plan.
    write(inputs, folder, tokenizer=tokenizer, worker=NOBODY, **options)
    return plans.unfinished(Path(folder), plans.load(Path(folder)))


def work(folder: StrPath, parts: Iterable[int], *, threads: int | None = None) -> None:
    """Do some parts of a plan. Finished parts are skipped, and `finish` completes the folder.

    Parameters
    ----------
    folder
        The folder of the plan.
    parts
        Numbers that `plan` gave.
    threads
        How many threads encode.

    Raises
    ------
    OSError, CorpusError, ValueError
        As for `write`.
    """
    target = Path(folder)
    run(target, plans.load(target), list(parts), threads=threads)


NOBODY = (1 << 30, 1 << 30)
"""The last of more workers than there are parts."""


def prepare(
    resolved: Resolved, folder: Path, tokenizer: Given | Mapping[str, Given], options: Options
) -> tuple[Plan, dict[str, Tokenizer]]:
    """Make the plan of a folder, or see that it is the one there; load the tokenizers."""
    if isinstance(tokenizer, Mapping):
        if not tokenizer:
            raise ValueError("tokenizer: none is given")
        for name in tokenizer:
            if not name or name == plans.VALIDATION or Path(name).name != name or name.startswith("."):
                raise ValueError(f"tokenizer: {name!r} is no name for a folder")
        given = {str(name): _tokenizer(str(name), it) for name, it in tokenizer.items()}
    else:
        given = {"": _tokenizer("tokenizer", tokenizer)}
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name: it.to_bytes("eurotok") for name, (_, it) in given.items()}
    plan = plans.settle(folder, plans.make(resolved.inputs, given, contents, options), contents)
    return plan, {name: it for name, (_, it) in given.items()}


def _tokenizer(name: str, given: Given) -> tuple[str, Tokenizer]:
    if isinstance(given, Tokenizer):
        return name, given
    return Path(os.fspath(given)).name, load_tokenizer(given)


def run(
    folder: Path,
    plan: Plan,
    parts: Sequence[int],
    tokenizers: Mapping[str, Tokenizer] | None = None,
    resolved: Resolved | None = None,
    threads: int | None = None,
    progress: bool | Report = False,
) -> None:
    """Do the parts of a plan that are not done yet."""
    total = sum(plan.inputs[place].size for part in parts for place in plan.parts[part])
    meter = Meter(progress, total)
    try:
        Worker(folder, plan, tokenizers, resolved.objects if resolved else None, threads).run(parts, meter)
    finally:
        meter.close()


def finish(folder: StrPath) -> Manifest:
    """Complete a folder whose parts are all done: indexes, `manifest.json`, and the order if it is to be shuffled.

    Parameters
    ----------
    folder
        The output of `write` with `worker`.

    Returns
    -------
    Manifest
        As for `write`.

    Raises
    ------
    OSError
        If something cannot be read or written.
    ValueError
        If some parts are not done, naming them.
    """
    target = Path(folder)
    plan = plans.load(target)
    records = journal(target, plan)
    whole = target / next(iter(plan.tokenizers))
    if plan.options.shuffle is not None and (whole / NAME).exists() and not (target / ORDERED).exists():
        return load(whole)
    manifests = [
        _manifest(target, plan, records, tokenizer, split)
        for tokenizer in plan.tokenizers
        for split in plan.options.splits
    ]
    # Before there is a manifest: with one, a later call takes the folder for finished and changes nothing.
    remove_partial(target)
    for manifest in reversed(manifests):
        write_index(manifest)
        manifest.save()
    if plan.options.shuffle is not None:
        places = [target / it.folder.relative_to(target / ORDERED) for it in manifests]
        shuffled = [
            reorder(it.folder, place, seed=plan.options.shuffle, into=True)
            for it, place in reversed(list(zip(manifests, places, strict=True)))
        ]
        manifests = shuffled[::-1]
        # Renamed first, so that a half-removed folder is never taken for shards.
        (target / ORDERED).rename(target / REMOVED)
        shutil.rmtree(target / REMOVED)
    sync_folder(target)
    return manifests[0]


def draft(folder: Path, plan: Plan) -> Manifest:
    """Tell the progress of a folder that is not finished."""
    done = [part for part in range(len(plan.parts)) if plans.is_done(folder, part)]
    records = [json.loads(plans.journal_path(folder, part).read_bytes()) for part in done]
    return _manifest(folder, plan, records, next(iter(plan.tokenizers)), "")


def _manifest(folder: Path, plan: Plan, records: list[dict[str, Any]], tokenizer: str, split: str) -> Manifest:
    kind, about = named(plan.options.format), plan.tokenizers[tokenizer]
    hashes = {place: digest for record in records for place, digest in record["inputs"].items()}
    inputs = [
        {
            "path": it.path,
            "bytes": it.size,
            "sha256": hashes.get(str(place), ""),
            "source": it.source,
            "language": it.language,
        }
        for place, it in enumerate(plan.inputs)
    ]

    def own(name: str) -> list[Any]:
        found = [it for record in records for it in record[name]]
        return [it for it in found if it["tokenizer"] == tokenizer and it["split"] == split]

    skipped: dict[str, int] = {"missing": 0, "null": 0, "filtered": 0}
    for record in records:
        for name, count in record["skipped"].items():
            reason, colon, whose = name.partition(":")
            if not colon or whose == tokenizer:
                skipped[reason] = skipped.get(reason, 0) + count
    return Manifest(
        place_of(folder, plan.options, tokenizer, split),
        kind.name,
        kind.dtype(about["vocab_size"], plan.options.dtype).name,
        about,
        [shard for it in own("outputs") for shard in it["shards"]],
        inputs,
        sum_counts(row for it in own("counts") for row in it["counts"]),
        skipped,
        asdict(plan.options),
    )


def share(written: float | str) -> float:
    """Read a share of 1.

    >>> share("0.1%"), share("0.25"), share(0.5)
    (0.001, 0.25, 0.5)
    """
    if isinstance(written, str):
        number, percent, rest = written.strip().partition("%")
        try:
            if rest:
                raise ValueError
            return float(number) / (100 if percent else 1)
        except ValueError:
            raise ValueError(f"validation: {written!r} is no share, such as 0.1% or 0.001") from None
    return float(written)


def parse_worker(worker: str | tuple[int, int]) -> tuple[int, int]:
    """Read which worker this is, from 1, and of how many.

    >>> parse_worker("2/8")
    (2, 8)
    """
    try:
        number, count = (int(it) for it in (worker.split("/") if isinstance(worker, str) else worker))
    except ValueError:
        raise ValueError(f"worker: {worker!r} is no share of the work, such as 1/8") from None
    if not 1 <= number <= count:
        raise ValueError(f"worker: {number} is not one of 1 to {count}")
    return number, count
