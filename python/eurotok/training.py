"""Corpora to counts, and counts to a tokenizer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypedDict

from eurotok import _core
from eurotok._core import Counts
from eurotok.corpus import Files, StrPath, ending, list_files, parquet_texts
from eurotok.parity import Parity, Variant
from eurotok.prices import load_sentences
from eurotok.progress import Report, reporting
from eurotok.tokenizer import Tokenizer
from eurotok.trace import Trace

DEFAULT_SCHEME = "europe"
DEFAULT_FAIRNESS = 10.0
UNDETERMINED = "und"
"""The language of texts that come without one, as BCP 47 writes it."""

BATCH = 1024
"""Texts of an iterable held at a time."""

Source = Files | Iterable[str]


class Options(TypedDict, total=False):
    """Arguments of `train` that say nothing of prices."""

    special_tokens: Sequence[str]
    shares: Mapping[str, float] | None
    min_frequency: int
    max_token_length: int | None


def count(
    source: Source,
    scheme: str = DEFAULT_SCHEME,
    *,
    threads: int | None = None,
    errors: str = "strict",
    progress: bool | Report = False,
) -> Counts:
    """Split text into pieces and count them, per language.

    Parameters
    ----------
    source
        A folder (see `eurotok.corpus.find_languages`), `{language: file or files}`, or an iterable of texts.
    scheme
        The splitting rule: a name of `eurotok.schemes()` or a regex.
    threads
        How many threads to use; by default all cores. The result does not depend on it.
    errors
        `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.
    progress
        Whether to show the progress on a terminal, or a function of (stage, done, total) to call.

    Returns
    -------
    Counts
        Can be saved, loaded, added to one another, and trained on. Texts in memory that have a language are added
        with `Counts.add_texts`.

    Raises
    ------
    OSError
        If a file cannot be read.
    CorpusError
        If a file is not what its name says, naming the byte or line at fault, or if there is no text at all.
    ImportError
        If a file is parquet and pyarrow is absent.

    Examples
    --------
    >>> counts = count(["the cat, the hat"])
    >>> counts.languages, counts.bytes, counts.unique
    (['und'], {'und': 16}, {'und': 5})
    """
    counts = Counts(scheme)
    with reporting(progress) as report:
        if isinstance(source, (str, os.PathLike, Mapping)):
            add_files(counts, list_files(source), threads=threads, errors=errors, report=report)
        else:
            texts = iter(source)
            while batch := list(islice(texts, BATCH)):
                counts.add_texts(UNDETERMINED, batch, threads=threads)
    if not any(counts.bytes.values()):
        raise _core.CorpusError("the source holds no text")
    return counts


def train(
    source: Counts | Source,
    *,
    vocab_size: int,
    scheme: str | None = None,
    special_tokens: Sequence[str] = (),
    shares: Mapping[str, float] | None = None,
    parallel: StrPath | Counts | None = None,
    fairness: float | None = None,
    target: Mapping[str, float] | None = None,
    parity: Parity | Variant | None = None,
    min_frequency: int = 2,
    max_token_length: int | None = None,
    threads: int | None = None,
    errors: str = "strict",
    progress: bool | Report = False,
    trace: Callable[[Trace], object] | None = None,
) -> Tokenizer:
    """Train a byte-level BPE tokenizer.

    Parameters
    ----------
    source
        What `count` takes, or the `Counts` it made.
    vocab_size
        Entries of the vocabulary: the 256 bytes, special tokens and merges. There are fewer if the text does not
        support as many.
    scheme
        The splitting rule: a name of `eurotok.schemes()` or a regex. By default `europe`, or that of the counts.
    special_tokens
        Texts with an id of their own, such as `"<|endoftext|>"`.
    shares
        Weight of each language; 1 for those left out. By default each language weighs the same, however many bytes
        of text it has.
    parallel
        The same sentences in every language, which say what each pays: a folder as for
        `eurotok.prices.load_sentences`, or the `Counts` of one, made with the same scheme. They are not trained on. A
        language without parallel text, such as code, needs a share, and keeps it.
    fairness
        How far to go from the cheapest vocabulary towards one under which all languages pay alike: the weight of a
        language grows with this power of its price, the tokens of its parallel text. 0 is cheapest over all languages;
        10, the default if there are `parallel` or `target`, makes prices nearly equal at a cost of 1 %; much more evens
        them out at any cost.
    target
        What each language should pay in proportion to the others; 1 for those left out. `{"en": 0.9}` asks for English
        to be cheaper by a tenth. Without `parallel`, the price of a language is tokens per byte of training text.
    parity
        Parity-aware BPE in place of fairness: `"base"`, `"window"` or an `eurotok.Parity`.
    min_frequency
        How often a pair must occur to be merged; counted as the languages weigh by their shares, not as they are.
    max_token_length
        Tokens stay shorter than this many bytes, but for those of two bytes. By default they grow as long as a piece.
    threads, errors, progress
        As for `count`.
    trace
        Called in the end with the `eurotok.Trace` of training under fairness or parity.

    Returns
    -------
    Tokenizer
        The same one for the same text, whatever the number of threads and the order of the files.

    Raises
    ------
    ValueError
        If an argument is outside its domain, such as a `vocab_size` below 256 and the special tokens.
    OSError, CorpusError, ImportError
        As for `count`.

    Examples
    --------
    >>> tok = train(["low lower lowest"] * 3, vocab_size=259, special_tokens=["<|end|>"])
    >>> tok.merges
    [(b'l', b'o'), (b'lo', b'w')]
    """
    if isinstance(source, Counts):
        if scheme is not None and scheme != source.scheme:
            raise ValueError(f"scheme: the counts were made with {source.scheme!r}, not {scheme!r}")
        counts = source
    else:
        counts = count(source, scheme or DEFAULT_SCHEME, threads=threads, errors=errors, progress=progress)
    target = dict(target or {})
    if isinstance(parity, str):
        parity = Parity(parity)
    if fairness is None and parity is None and (parallel is not None or target):
        fairness = DEFAULT_FAIRNESS
    if fairness and parallel is None and not target:
        raise ValueError("fairness: needs parallel text or a target, to know what languages pay")
    with reporting(progress) as report:
        trained = _core.train(
            counts,
            vocab_size,
            special_tokens=list(special_tokens),
            shares=None if shares is None else dict(shares),
            fairness=fairness,
            parallel=None if parallel is None else _parallel_counts(parallel, counts, threads, errors),
            target=target,
            parity=None if parity is None else parity.arguments(),
            min_frequency=min_frequency,
            max_token_length=max_token_length,
            threads=threads,
            progress=report,
            trace=None if trace is None else lambda *parts: trace(Trace.of(*parts)),
        )
    return Tokenizer(trained)


def _parallel_counts(parallel: StrPath | Counts, counts: Counts, threads: int | None, errors: str) -> Counts:
    if isinstance(parallel, Counts):
        return parallel
    priced = Counts(counts.scheme)
    for language, sentences in load_sentences(parallel, counts.languages, errors).items():
        priced.add_texts(language, sentences, threads=threads)
    return priced


def add_files(
    counts: Counts,
    languages: Mapping[str, Sequence[Path]],
    *,
    threads: int | None = None,
    errors: str = "strict",
    report: Report | None = None,
) -> None:
    """Count the files of each language into `counts`. Parameters and errors are those of `count`."""
    for language, paths in languages.items():
        stage = None if report is None else _renamed(report, f"counting {language}")
        columns = [path for path in paths if ending(path) == ".parquet"]
        for path in columns:
            for batch in parquet_texts(path):
                counts.add_texts(language, batch, threads=threads)
        others = [os.fspath(path) for path in paths if path not in columns]
        if others:
            counts.add_files(language, others, threads=threads, errors=errors, progress=stage)


def _renamed(report: Report, stage: str) -> Report:
    return lambda _, done, total: report(stage, done, total)
