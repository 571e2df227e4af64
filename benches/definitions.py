"""The definitions of measurements, and the cases of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benches.encoders import ENGINES
from benches.trainers import TRAINERS, WITHIN


class Definition(NamedTuple):
    """A thing measured: its unit, the phases that are reported, the answers that are checked before, and in words."""

    unit: str
    phases: tuple[str, ...]
    ways: tuple[str, ...]
    what: str


DEFINITIONS: dict[str, Definition] = {
    "encode": Definition(
        "MB/s",
        ("cold", "warm"),
        ("encode",),
        "A call a document of about 1 kB, ids in the engine's own array or list. Cold: the first pass of a fresh "
        "process, over text it has not seen. Warm: the same documents again.",
    ),
    "batch": Definition("MB/s", ("cold", "warm"), ("batch",), "The same documents in one call, on the threads stated."),
    "small": Definition(
        "ns",
        ("encode", "encode_list", "count", "empty"),
        ("encode", "encode_list", "count"),
        "A call on a text of 32 characters, a thousand of them seen before: ids in the engine's own form, as a list, "
        "their number alone; empty is the number of ids in the empty text, so the cost of a call.",
    ),
    "decode": Definition("Mtok/s", ("warm",), ("decode",), "All ids of a text in one call, to a `str`."),
    "split": Definition(
        "MB/s", ("cold", "warm"), ("split",), "Pieces of the scheme alone, as a list of `str` a document."
    ),
    "load": Definition("ms", ("load",), (), "From a file of the kind stated to an engine that can encode."),
    "train": Definition(
        "s", ("train",), (), "A file to a vocabulary of the size stated, scheme `gpt2`, reading included."
    ),
    "count": Definition("MB/s", ("count",), (), "The counting half of training alone."),
    "merge": Definition("s", ("merge",), (), "The merging half of training alone."),
}

TRAINING = ("train", "count", "merge")

OURS = "eurotok"
FASTEST = (OURS, "gigatoken")
"""Who is measured on every language: the peers of the others are an order of magnitude behind."""

SIZES = (32_768, 65_536, 131_072)


class Case(NamedTuple):
    """Engines that do one thing to one text by turns."""

    definition: str
    text: str
    engines: tuple[str, ...]
    threads: int = 1
    each: float = 1.0
    """Megabytes of each language, in a mix."""
    size: int = 0
    """Of the vocabulary, for trainers."""

    def __str__(self) -> str:
        """Name the case."""
        size = f", {self.size:,} tokens" if self.size else ""
        return f"{self.definition} {self.text}, {self.threads} thread{'s' * (self.threads > 1)}{size}"


def plan(languages: Sequence[str], threads: int, quick: bool) -> Iterator[Case]:
    """All cases, the shortest first; the quick ones do each thing once, to very little text."""
    encoders = tuple(name for name in ENGINES if name != "regex")
    trainers = tuple(name for name in TRAINERS if name != WITHIN)
    each = 0.02 if quick else 1.0
    little = 0.005 if quick else 0.1
    for kind in sorted({kind for engine in ENGINES.values() for kind in engine.loaders} - {"pattern"}):
        yield Case("load", kind, tuple(name for name in encoders if kind in ENGINES[name].loaders), each=little)
    yield Case("small", "short", encoders, each=little)
    yield Case("decode", "mix", encoders, each=little)
    yield Case("split", "mix", (OURS, "tokenizers", "regex"), each=little)
    yield Case("encode", "mix", encoders, each=each)
    yield Case("batch", "mix", encoders, each=each)
    yield Case("batch", "mix", encoders, threads, each)
    for text in ("code", "joined", "base64", "urls", *(() if quick else languages)):
        yield Case("encode", text, FASTEST, each=each)
        yield Case("batch", text, FASTEST, each=each)
    for size in (1024,) if quick else SIZES:
        yield Case("train", "mix", trainers, threads, 4 * each, size)
    size = 1024 if quick else SIZES[1]
    for text in () if quick else (languages[0], "code", "joined"):
        yield Case("train", text, trainers, threads, each, size)
    if not quick:
        # How time grows with the corpus: the mix again, with a quarter of the text, and all there is.
        yield Case("train", "quarter", (OURS,), threads, 4 * each, size)
        for larger in SIZES[1:]:
            yield Case("train", "all", (OURS,), threads, size=larger)
        # Four times as much again, without a limit of memory and within one.
        yield Case("train", "grown", (OURS, WITHIN), threads, size=size)
    alone = tuple(name for name, trainer in TRAINERS.items() if trainer.count)
    for count in sorted({1, threads}):
        yield Case("count", "mix", alone, count, 4 * each)
    yield Case("merge", "mix", alone, threads, 4 * each, size)
