"""Corpora to counts, and counts to a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypedDict

from eurotok import _core, defaults
from eurotok._core import Counts
from eurotok.corpus import StrPath
from eurotok.files import check_outputs
from eurotok.languages import meant, resolve
from eurotok.literals import Errors, Scheme
from eurotok.pricing.parallel_text import Parallel, load_sentences, name_of, warn_of_names
from eurotok.pricing.steering import sketch
from eurotok.progress import Report, reporting
from eurotok.sequences import several
from eurotok.sources import Given, Source, Texts, by_language
from eurotok.tokenizer import Tokenizer
from eurotok.training.counting import DEFAULT_SCHEME, count_given, count_sentences, limit_of, outline, stand_in
from eurotok.training.parity import Parity, Variant
from eurotok.training.trace import Trace

DEFAULT_FAIRNESS = defaults.FAIRNESS
DEFAULT_CALIBRATION = defaults.CALIBRATION


class Options(TypedDict, total=False):
    """Arguments of `train` that say nothing of prices."""

    special_tokens: Sequence[str]
    shares: Mapping[str, float] | None
    min_frequency: int
    max_token_length: int | None


def train(
    source: Counts | Source,
    *,
    vocab_size: int,
    scheme: Scheme | None = None,
    special_tokens: Sequence[str] = (),
    shares: Mapping[str, float] | None = None,
    parallel: Parallel | Counts | Steering | None = None,
    fairness: float | None = None,
    target: Mapping[str, float] | None = None,
    parity: Parity | Variant | None = None,
    min_frequency: int = 2,
    max_token_length: int | None = None,
    memory: int | str | None = None,
    checkpoint: StrPath | None = None,
    checkpoint_every: float | None = None,
    threads: int | None = None,
    errors: Errors = "strict",
    progress: bool | Report = False,
    trace: Callable[[Trace], object] | None = None,
) -> Tokenizer:
    """Train a byte-level BPE tokenizer.

    Parameters
    ----------
    source
        A source of `count_pieces`, or the `Counts` that it returned.
    vocab_size
        Entries of the vocabulary: the 256 bytes, special tokens and merges. There are fewer if the text does not
        support as many.
    scheme
        The splitting rule: a name of `eurotok.schemes()` or a regex. By default `europe`, or that of the counts.
    special_tokens
        Texts with an id of their own, such as `"<|endoftext|>"`.
    shares
        Weight of each language; 1 for languages that are left out. By default each language weighs the same, however
        many bytes of text it has.
    parallel
        The same sentences in every language, which measure what each language pays: a folder, files or sentences by
        language (see `eurotok.pricing.parallel_text.load_parallel`), or the `Counts` of these, made with the same
        scheme. They are not trained on. A language without parallel text, such as code, needs a share, and keeps it.
    fairness
        How far to go from the cheapest vocabulary towards one under which all languages pay alike: the weight of a
        language grows with this power of its price, the tokens of its parallel text. 0 is cheapest over all languages;
        10 is the default if there are `parallel` or `target`. With 131,072 entries for 24 languages the largest
        surcharge over English on other text was 55 % without parallel text, 26 % at 5, 20 % at 10 and 14 % at 20, for
        35.1, 35.3, 35.4 and 35.8 tokens per sentence (`recipes/ABLATIONS.md`).
    target
        The price that each language should have, in proportion to the others; 1 for languages that are left out.
        `{"en": 0.9}` asks for English to be cheaper by a tenth. Without `parallel`, the price of a language is tokens
        per byte of training text.
    parity
        Parity-aware BPE in place of fairness: `"base"`, `"window"` or an `eurotok.Parity`.
    min_frequency
        How often a pair must occur to be merged; counted as the languages weigh by their shares, not as they are.
    max_token_length
        Tokens stay shorter than this many bytes, except tokens of two bytes. By default they grow as long as a piece.
    memory
        As for `count_pieces`, for counting and for training: the pieces that do not fit stay on disk and are gone over
        again and again, which takes longer. `Counts` that are given leave the memory for a temporary file. Not with
        fairness or parity: count within a limit, and train on the counts without.
    checkpoint
        A file that keeps the merges made so far, at intervals and at Ctrl-C. If it is there, training goes on from it,
        if it is that of the same counts and arguments, but for `vocab_size`, `memory` and `threads`. If it cannot be
        written any more, for one because the disk is full, there is a `RuntimeWarning`, and training goes on.
    checkpoint_every
        Seconds between two checkpoints, 30 by default. The first is written after 10 seconds of merging at most.
    threads, errors, progress
        As for `count_pieces`.
    trace
        Called in the end with the `eurotok.Trace` of training under fairness or parity.

    Returns
    -------
    Tokenizer
        The same tokenizer for the same text, for any number of threads and any order of the files.

    Raises
    ------
    TypeError
        If `special_tokens` is one `str`.
    ValueError
        If an argument is outside its domain, such as a `vocab_size` below 256 and the special tokens.
    OSError, CorpusError, ImportError
        As for `count_pieces`.
    FormatError
        If the checkpoint is damaged, or one of another training.

    Examples
    --------
    >>> tok = train(["low lower lowest"] * 3, vocab_size=259, special_tokens=["<|end|>"])
    >>> tok.merges
    [(b'l', b'o'), (b'lo', b'w')]
    """
    _check_limit(memory, fairness, parallel, target, parity)
    given = source if isinstance(source, Counts) else by_language(source, errors)
    if not isinstance(given, Counts):
        warn_of_names(given)
    scheme, languages = outline(given, scheme, DEFAULT_SCHEME)
    shares = _by_language("shares", shares, languages)
    target = _by_language("target", target, languages)
    parity = Parity(parity) if isinstance(parity, str) else parity
    options: dict[str, Any] = {
        "special_tokens": list(several("special_tokens", special_tokens)),
        "shares": shares,
        **_fairness(fairness, parallel, target, shares, scheme, languages, threads, errors, parity is None),
        "parity": None if parity is None else parity.arguments(),
        "min_frequency": min_frequency,
        "max_token_length": max_token_length,
        "threads": threads,
        "checkpoint_every": checkpoint_every,
    }
    _core.train(stand_in(scheme, languages), vocab_size, **options)
    _check_checkpoint(given, checkpoint)
    counts = count_given(given, scheme, memory, threads, errors, progress)
    with reporting(progress) as report:
        trained = _core.train(
            counts,
            vocab_size,
            **options,
            memory=limit_of(memory),
            checkpoint=checkpoint,
            progress=report,
            trace=None if trace is None else lambda *parts: trace(Trace.of(*parts)),
        )
    return Tokenizer(trained)


def extend(
    tokenizer: Tokenizer,
    source: Counts | Source,
    *,
    vocab_size: int,
    shares: Mapping[str, float] | None = None,
    parallel: Parallel | Counts | Steering | None = None,
    fairness: float | None = None,
    target: Mapping[str, float] | None = None,
    min_frequency: int = 2,
    max_token_length: int | None = None,
    memory: int | str | None = None,
    checkpoint: StrPath | None = None,
    checkpoint_every: float | None = None,
    threads: int | None = None,
    errors: Errors = "strict",
    progress: bool | Report = False,
) -> Tokenizer:
    """Grow the vocabulary of a tokenizer by the merges that training would make next.

    Old tokens keep their ids, and text that has none of the new ones in it is encoded as before.

    Parameters
    ----------
    tokenizer
        The tokenizer to grow. It must not normalize text.
    source
        A source of `count_pieces`, or the `Counts` that it returned for the tokenizer's scheme.
    vocab_size
        Entries of the result, including the present ones. There are fewer if the text does not support as many.
    shares, parallel, fairness, target, min_frequency, max_token_length, memory, checkpoint, checkpoint_every, threads
        As for `train`.
    errors, progress
        As for `train`.

    Returns
    -------
    Tokenizer
        A new one.

    Raises
    ------
    ValueError
        As for `train`; if counts were made with another scheme.
    UnsupportedError
        If the tokenizer normalizes text.
    OSError, CorpusError, ImportError, FormatError
        As for `train`.

    Examples
    --------
    >>> small = train(["low lower lowest"] * 3, vocab_size=257)
    >>> extend(small, ["low lower lowest"] * 3, vocab_size=258).merges
    [(b'l', b'o'), (b'lo', b'w')]
    """
    _check_limit(memory, fairness, parallel, target)
    given = source if isinstance(source, Counts) else by_language(source, errors)
    if not isinstance(given, Counts):
        warn_of_names(given)
    scheme, languages = outline(given, None, tokenizer.scheme or tokenizer.pattern)
    shares = _by_language("shares", shares, languages)
    target = _by_language("target", target, languages)
    options: dict[str, Any] = {
        "shares": shares,
        **_fairness(fairness, parallel, target, shares, scheme, languages, threads, errors),
        "min_frequency": min_frequency,
        "max_token_length": max_token_length,
        "threads": threads,
        "checkpoint_every": checkpoint_every,
    }
    _core.extend(tokenizer, stand_in(scheme, languages), vocab_size, **options)
    _check_checkpoint(given, checkpoint)
    counts = count_given(given, scheme, memory, threads, errors, progress)
    with reporting(progress) as report:
        grown = _core.extend(
            tokenizer,
            counts,
            vocab_size,
            **options,
            memory=limit_of(memory),
            checkpoint=checkpoint,
            progress=report,
        )
    return Tokenizer(grown)


def truncate(tokenizer: Tokenizer, vocab_size: int) -> Tokenizer:
    """Cut the vocabulary of a tokenizer to its first entries, as if it had been trained to be smaller.

    Parameters
    ----------
    tokenizer
        The tokenizer to cut.
    vocab_size
        Entries of the result, special tokens included. Special tokens that stood after the ordinary tokens stand after
        them again.

    Returns
    -------
    Tokenizer
        A new one.

    Raises
    ------
    ValueError
        If it is not between 256 and the special tokens, and the present size.
    UnsupportedError
        If a post-processor of the tokenizer names special tokens whose ids would change.

    Examples
    --------
    >>> truncate(train(["low lower lowest"] * 3, vocab_size=258), 257).merges
    [(b'l', b'o')]
    """
    return Tokenizer(_core.truncate(tokenizer, vocab_size))


class _Fairness(TypedDict):
    """The arguments of fairness for the core."""

    fairness: float | None
    parallel: Counts | None
    target: dict[str, float]
    steered_by: Sequence[str]


def _fairness(
    fairness: float | None,
    parallel: Parallel | Counts | Steering | None,
    target: Mapping[str, float] | None,
    shares: Mapping[str, float] | None,
    scheme: Scheme,
    languages: Iterable[str],
    threads: int | None,
    errors: Errors,
    by_default: bool = True,
) -> _Fairness:
    target = dict(target or {})
    if fairness is None and by_default and (parallel is not None or target):
        fairness = DEFAULT_FAIRNESS
    if fairness and parallel is None and not target:
        raise ValueError("fairness: needs parallel text or a target, to know what languages pay")
    remembered: Sequence[str] = ()
    where = "the parallel text" if isinstance(parallel, (Counts, Steering)) or parallel is None else name_of(parallel)
    if isinstance(parallel, Steering):
        remembered, parallel = parallel.sketch, parallel.counts
    elif parallel is not None and not isinstance(parallel, Counts):
        steering = steering_of(load_sentences(parallel, languages, errors), scheme, threads)
        parallel, remembered = steering.counts, steering.sketch
    if parallel is not None and by_default:
        absent = [it for it in languages if it not in parallel.languages and it not in (shares or {})]
        if absent and len(absent) < len(list(languages)):
            raise ValueError(
                f'parallel: no text for "{absent[0]}", which the corpus has: add {absent[0]}.txt to {where}, or give '
                f"the language a share, such as --share {absent[0]}=1"
            )
    return {"fairness": fairness, "parallel": parallel, "target": target, "steered_by": remembered}


def _by_language(name: str, values: Mapping[str, float] | None, languages: Sequence[str]) -> dict[str, float] | None:
    """Find each language among the languages of training, for any spelling of its code."""
    if values is None:
        return None
    found: dict[str, float] = {}
    for given, value in dict(several(name, values)).items():
        language = resolve(given, languages)
        if language not in languages and (nearest := meant(given, languages)):
            raise ValueError(f'{name}: "{given}" is not a language of the counts{nearest}')
        if language in found:
            raise ValueError(f'{name}: "{given}" is {language}, which is given twice')
        found[language] = value
    return found


def _check_limit(memory: int | str | None, *unequal: object) -> None:
    """Refuse before counting everything that the core would refuse after it."""
    if memory is not None and any(option is not None for option in unequal):
        raise ValueError("memory: there is no limit to training with fairness or parity, only to counting before it")


@dataclass(frozen=True)
class Steering:
    """Parallel text as training takes it: counted once, for several trainings, and remembered.

    Attributes
    ----------
    counts
        Its pieces.
    sketch
        The hashes of it that the tokenizer keeps; see `eurotok.pricing.steering`.
    """

    counts: Counts
    sketch: Sequence[str]


def steering_of(sentences: Mapping[str, Sequence[str]], scheme: Scheme, threads: int | None = None) -> Steering:
    """Count parallel text, to steer trainings by it."""
    return Steering(count_sentences(sentences, scheme, threads), sketch(sentences))


def _check_checkpoint(given: Counts | Given, checkpoint: StrPath | None) -> None:
    if checkpoint is not None:
        members = () if isinstance(given, Counts) else given.values()
        check_outputs([checkpoint], chain.from_iterable(files for files in members if not isinstance(files, Texts)))
