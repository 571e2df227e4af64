"""Estimates of training time, from a short training on a part of the counts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Unpack

from eurotok._core import Counts
from eurotok.progress import Report, duration
from eurotok.training import DEFAULT_FAIRNESS, Options, Steering, train

PIECES = 30_000
"""Different pieces of the short trainings, at most."""

GROWTH = 0.6
"""The power of the number of pieces with which the time before the first merge grows."""

MERGES = 1_000
"""Merges of the shorter one of the short trainings."""


def announce(
    counts: Counts,
    trainings: int,
    vocab_size: int,
    *,
    steering: Steering,
    most: int | None = None,
    threads: int | None = None,
    progress: bool | Report = False,
    announce: Callable[[str], object] | None = None,
    **options: Unpack[Options],
) -> None:
    """Say how many trainings there will be, and about how long they take, if anybody wants to know.

    Parameters
    ----------
    counts
        The counts to train on.
    trainings, most
        How many trainings there are, or how many at least and at most.
    vocab_size
        Entries of the vocabulary.
    steering, threads, options
        As for the trainings.
    progress
        If it is True and standard error is a terminal, the sentence is printed there.
    announce
        Called with the sentence instead.
    """
    tell = announce or (_print if progress is True and sys.stderr.isatty() else None)
    if tell is None:
        return
    one = seconds(counts, vocab_size, steering, threads, **options)
    if most is None or most == trainings:
        number = f"{trainings:,} training{'' if trainings == 1 else 's'}"
        time_needed = f"about {duration(max(1.0, one * trainings))}"
    else:
        number = f"{trainings:,} to {most:,} trainings"
        time_needed = f"about {duration(max(1.0, one * trainings))} to {duration(max(1.0, one * most))}"
    tell(f"{number} of {vocab_size:,} entries: {time_needed}")


def seconds(
    counts: Counts, vocab_size: int, steering: Steering, threads: int | None = None, **options: Unpack[Options]
) -> float:
    """Estimate how long training takes.

    Two short trainings on few pieces tell the time for a merge, and the time before the first; the latter grows with
    the number of pieces. Estimates were 0.8 to 2.1 times the time that trainings took, from 100,000 to 340,000 pieces
    and from 4,096 to 65,536 entries.
    """
    few = frequent(counts, PIECES)
    first = 256 + len(options.get("special_tokens", ()))

    def timed(merges: int) -> float:
        began = time.perf_counter()
        size = min(vocab_size, first + merges)
        train(few, vocab_size=size, parallel=steering, fairness=DEFAULT_FAIRNESS, threads=threads, **options)
        return time.perf_counter() - began

    short, longer = timed(MERGES), timed(3 * MERGES)
    merge = max(0.0, longer - short) / (2 * MERGES)
    before = max(0.0, short - MERGES * merge)
    pieces = sum(counts.unique.values()) / max(1, sum(few.unique.values()))
    return float(before * pieces**GROWTH + merge * max(0, vocab_size - first))


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def frequent(counts: Counts, enough: int) -> Counts:
    """Leave rare pieces out until no more than `enough` are left."""
    few, least = counts, 2
    while sum(few.unique.values()) > enough:
        few, least = counts.filter(least), 2 * least
    return few
