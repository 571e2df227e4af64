"""Training towards wished prices, and a report of the wishes that were met and their cost.

A wish is a limit on the price of a language, relative to another language, or to its price under another tokenizer.
Wishes are met by targets. If a language pays too much, its target is lowered by the excess, and training begins again,
a few times. At first these trainings use counts without rare pieces, because prices hardly depend on rare pieces. When
all limits are met there, training uses all counts. Wishes are added one by one, in order, so that the cost of each is
known: the tokens that it adds over all languages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Unpack

from eurotok import described
from eurotok._core import Counts
from eurotok.languages import meant, resolve
from eurotok.literals import Errors
from eurotok.pricing.adapters import encoder_of, run
from eurotok.pricing.parallel_text import REFERENCE, Parallel, load_sentences
from eurotok.progress import Report
from eurotok.renamed import renamed
from eurotok.sequences import several
from eurotok.sources import Source
from eurotok.tokenizer import Tokenizer
from eurotok.training import DEFAULT_FAIRNESS, Options, estimate, steering_of, train
from eurotok.training.counting import counted
from eurotok.training.estimate import frequent
from eurotok.training.trace import Trace

ROUNDS = 10
"""Trainings that a wish may take."""

CLOSE = 0.002
"""Within this part of its limit a wish that was overshot is left as it is."""


GAIN = 1.5
"""By how much more a target moves than the price it is to move, which follows only in part."""

LAST = 3
"""The trainings on all counts, if the other trainings used a part of the counts."""

HIGHEST = 10.0
"""Limits from here on are taken for per cents by mistake: no known tokenizer has a surcharge of 1,000 %."""

ENOUGH = 400_000
"""Different pieces of all languages on which targets are looked for, before they are tried on all."""


class Counting(Protocol):
    """A counter of tokens: any tokenizer with a method `count`, or one that `eurotok.compare` takes."""

    def count(self, text: str) -> int:
        """Count the tokens of a text."""


@dataclass(frozen=True)
class Wish:
    """A limit on a price.

    Attributes
    ----------
    language
        Whose price; `None` for each language but `than`: under another tokenizer, for all languages.
    limit
        By how much, in parts, it may be above that of `than`: 0.2 for 20 %, -0.05 for a twentieth below.
    than
        The language, or the tokenizer under which the same language is priced: one of this package, a file, or an
        object of another library, as `eurotok.compare` takes them.
    least
        Whether the limit is a floor instead: the price is to be no less.

    Raises
    ------
    ValueError
        If the limit is not above -1, or so high that it is meant in per cent.

    Examples
    --------
    >>> print(Wish(None, 0.2))
    no surcharge above +20 %
    >>> print(Wish("fr", -0.05, "de", least=True))
    fr at least -5 % beside de
    """

    language: str | None
    limit: float
    than: str | Counting | object = REFERENCE
    least: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.limit) and self.limit > -1):
            raise ValueError(f"wish: a limit of {self.limit} is not above -1")
        if self.limit >= HIGHEST:
            raise ValueError(
                f"wish: a limit of {self.limit:g} is {100 * self.limit:,.0f} %; it is given in parts: 0.2 is 20 %"
            )

    def __str__(self) -> str:
        """Say it in words."""
        limit = f"{100 * self.limit:+g} %"
        if self.language is None and self.than == REFERENCE and not self.least:
            return f"no surcharge above {limit}"
        what = self.than if isinstance(self.than, str) else "itself under another tokenizer"
        return f"{self.language or 'each'} at {'least' if self.least else 'most'} {limit} beside {what}"


@dataclass(frozen=True)
class Granted:
    """The outcome of a limit.

    Attributes
    ----------
    wish
        The wish.
    met
        Whether it is met in the end.
    worst
        The price farthest from the limit, beside that of `than`, minus one.
    language
        Whose price that is.
    cost
        Tokens that the wish added over all languages, given the wishes before it.
    """

    wish: Wish
    met: bool
    worst: float
    language: str
    cost: int

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{'met' if self.met else 'NOT met'}: {self.wish} ({self.language} {100 * self.worst:+.1f} %), "
            f"{self.cost:+,} tokens"
        )


@dataclass(frozen=True)
class Outcome:
    """A tokenizer, and how it came about.

    Attributes
    ----------
    tokenizer
        The tokenizer.
    trace
        Whose merges, and prices as the vocabulary grew.
    targets
        The targets that it was trained with in the end.
    granted
        The result of each wish, in order.
    """

    tokenizer: Tokenizer
    trace: Trace
    targets: Mapping[str, float]
    granted: tuple[Granted, ...]

    def __repr__(self) -> str:
        met = sum(each.met for each in self.granted)
        return f"Outcome(vocab_size={self.tokenizer.vocab_size}, wishes={len(self.granted)}, met={met})"

    def _repr_html_(self) -> str:
        rows = [
            [
                each.wish,
                "met" if each.met else "NOT met",
                f"{100 * each.worst:+.1f} %",
                each.language,
                f"{each.cost:+,}",
            ]
            for each in self.granted
        ]
        return described.table(["wish", "", "farthest price", "language", "tokens added"], rows, repr(self))


@renamed(counts="source")
def grant(
    source: Counts | Source,
    wishes: Sequence[Wish],
    *,
    vocab_size: int,
    parallel: Parallel,
    fairness: float = DEFAULT_FAIRNESS,
    target: Mapping[str, float] | None = None,
    threads: int | None = None,
    errors: Errors = "strict",
    progress: bool | Report = False,
    announce: Callable[[str], object] | None = None,
    **options: Unpack[Options],
) -> Outcome:
    """Train a tokenizer whose prices meet wishes as far as can be.

    Parameters
    ----------
    source
        The text or the counts to train on, as in `eurotok.train`.
    wishes
        The wishes, the most important first: a later one is not met at the cost of an earlier one that is.
    vocab_size, fairness, target, threads, errors, progress, options
        As for `eurotok.train`. Targets are where the search begins.
    announce
        Called before the first training with a sentence that says how many there may be, and about how long they take;
        by default, it is printed on the terminal if `progress` is true.
    parallel
        The same sentences in every language, as for `eurotok.train`, but for counts, which hold no sentences to price.

    Returns
    -------
    Outcome
        The tokenizer that meets most wishes, of these the cheapest over all languages.

    Raises
    ------
    ValueError
        If a wish is about a language without parallel text.
    OSError, CorpusError, TypeError
        As for `eurotok.train`.
    """
    several("wishes", wishes)
    several("special_tokens", options.get("special_tokens", ()))
    counts = counted(source, threads=threads, errors=errors, progress=progress)
    sentences = load_sentences(parallel, counts.languages, errors)
    steering = steering_of(sentences, counts.scheme, threads)
    limits = [_limits(wish, sentences) for wish in wishes]

    def attempt(targets: Mapping[str, float], on: Counts) -> _Attempt:
        traces: list[Trace] = []
        tokenizer = train(
            on,
            vocab_size=vocab_size,
            parallel=steering,
            fairness=fairness,
            target=targets,
            threads=threads,
            progress=progress,
            trace=traces.append,
            **options,
        )
        return _Attempt(tokenizer, traces[0], dict(targets))

    def approach(start: _Attempt, known: Sequence[_Limit], on: Counts, rounds: int) -> list[_Attempt]:
        attempts = [start]
        while len(attempts) <= rounds and (targets := _corrected(attempts[-1], known)) is not None:
            attempts.append(attempt(targets, on))
        return attempts

    few = counts if not wishes else frequent(counts, max(ENOUGH, 4 * vocab_size))
    most = 1 + len(wishes) * (ROUNDS if few is counts else ROUNDS + 1 + LAST)
    estimate.announce(
        counts,
        1,
        vocab_size,
        most=most,
        steering=steering,
        threads=threads,
        progress=progress,
        announce=announce,
        **options,
    )
    best = attempt(dict(target or {}), counts)
    costs = []
    for number in range(len(wishes)):
        before, known = best, limits[: number + 1]
        attempts = approach(best, known, few, ROUNDS)
        if few is not counts and len(attempts) > 1:
            closest = min(attempts[1:], key=lambda it: _rank(it, known))
            attempts = [best, *approach(attempt(closest.targets, counts), known, counts, LAST)]
        best = min(attempts, key=lambda it: ([excess(it, limit) > 0 for limit in known], _rank(it, known)))
        costs.append(best.total - before.total)
    granted = []
    for wish, limit, cost in zip(wishes, limits, costs, strict=True):
        language, over = max(_ratios(best, limit), key=lambda it: it[1] * limit.sign)
        granted.append(Granted(wish, excess(best, limit) <= 0, limit.bound * over - 1, language, cost))
    return Outcome(best.tokenizer, best.trace, best.targets, tuple(granted))


@dataclass(frozen=True)
class _Limit:
    """A wish in numbers: each language's price over that of `than` is at most `bound`; at least, if `sign` is -1."""

    languages: tuple[str, ...]
    than: str | Mapping[str, int]
    bound: float
    sign: int


@dataclass(frozen=True)
class _Attempt:
    tokenizer: Tokenizer
    trace: Trace
    targets: Mapping[str, float]

    @property
    def total(self) -> int:
        return sum(self.trace.final().values())


def prices_under(tokenizer: object, sentences: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Count the tokens of each language's sentences under a tokenizer.

    Parameters
    ----------
    tokenizer
        A tokenizer that `eurotok.compare` takes, or an object with a method `count`.
    sentences
        Sentences by language.

    Returns
    -------
    dict of str to int
        Tokens by language. Given as the `target` of `eurotok.train`, they ask for prices in these proportions.

    Raises
    ------
    ValueError
        If the tokenizer fails on a sentence.
    """
    if not hasattr(tokenizer, "encode") and hasattr(tokenizer, "count"):
        return {language: sum(map(tokenizer.count, lines)) for language, lines in sentences.items()}
    encoder = encoder_of(tokenizer)
    prices = {}
    for language, lines in sentences.items():
        encoded = run(encoder, list(lines))
        if encoded.failures:
            place, reason = min(encoded.failures.items())
            raise ValueError(f"{encoder.name}: fails on sentence {place + 1} of {language!r}: {reason}")
        prices[language] = int(encoded.counts.sum())
    return prices


def check_wish(wish: Wish, languages: Collection[str]) -> None:
    """Refuse, before training, a wish that cannot be granted with parallel text in these languages.

    Raises
    ------
    ValueError
        If it is about another language.
    """
    asked = [language for language in (wish.language, wish.than) if isinstance(language, str)]
    if absent := [language for language in asked if resolve(language, languages) not in languages]:
        raise ValueError(f"wish: {absent[0]!r} has no parallel text{meant(absent[0], languages)}")


def _limits(wish: Wish, sentences: Mapping[str, Sequence[str]]) -> _Limit:
    check_wish(wish, sentences)
    if wish.language is None:
        languages = tuple(language for language in sorted(sentences) if language != wish.than)
    else:
        languages = (resolve(wish.language, sentences),)
    than: str | Mapping[str, int]
    if isinstance(wish.than, str):
        than = resolve(wish.than, sentences)
    else:
        than = prices_under(wish.than, {language: sentences[language] for language in languages})
    return _Limit(languages, than, 1 + wish.limit, -1 if wish.least else 1)


def _ratios(attempt: _Attempt, limit: _Limit) -> list[tuple[str, float]]:
    """Give the ratio of each language's price to its limit."""
    paid, than = attempt.trace.final(), limit.than
    return [
        (language, paid[language] / (limit.bound * (paid[than] if isinstance(than, str) else than[language])))
        for language in limit.languages
    ]


def excess(attempt: _Attempt, limit: _Limit) -> float:
    """Give by how much a limit is missed; 0 or less if it is kept."""
    return max(limit.sign * math.log(ratio) for _, ratio in _ratios(attempt, limit))


def _rank(attempt: _Attempt, limits: Sequence[_Limit]) -> tuple[float, int]:
    return max(0.0, *(excess(attempt, limit) for limit in limits)), attempt.total


def _corrected(attempt: _Attempt, limits: Sequence[_Limit]) -> dict[str, float] | None:
    """Give targets that should meet the limits, or `None` if these do, and none by more than they must."""
    targets = dict(attempt.targets)
    moved = False
    for limit in limits:
        for language, ratio in _ratios(attempt, limit):
            off = limit.sign * math.log(ratio)
            # A language that missed its limit aims a little below it; one that was moved too far comes back.
            if off > 0 or (language in attempt.targets and off < -CLOSE):
                aim = -limit.sign * (off + CLOSE / 2) * (GAIN if off > 0 else 1)
                value = targets.get(language, 1.0) * math.exp(aim)
                # A limit holds a price on its side: beyond where it began, it has nothing to say.
                kept = min(value, 1.0) if limit.sign > 0 else max(value, 1.0)
                if not math.isclose(kept, targets.get(language, 1.0), rel_tol=1e-6):
                    targets[language] = kept
                    moved = True
    return targets if moved else None
