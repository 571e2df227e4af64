"""How long training will take, found by a short training on a part of the counts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from eurotok._core import Counts
from eurotok.progress import Report, duration
from eurotok.training import DEFAULT_FAIRNESS, Steering, train

PIECES = 30_000
"""Different pieces of the short training, at most."""

MERGES = 1_000
"""Merges of the short training."""


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
) -> None:
    """Say how many trainings there will be, and about how long they take, if anybody wants to know.

    Parameters
    ----------
    counts
        What to train on.
    trainings, most
        How many trainings there are, or how many at least and at most.
    vocab_size
        Entries of the vocabulary.
    steering, threads
        As for the trainings.
    progress
        If it is True and standard error is a terminal, the sentence is printed there.
    announce
        Called with the sentence instead.
    """
    tell = announce or (_print if progress is True and sys.stderr.isatty() else None)
    if tell is None:
        return
    one = seconds(counts, vocab_size, steering, threads)
    if most is None or most == trainings:
        number = f"{trainings:,} training{'' if trainings == 1 else 's'}"
        time_needed = f"about {duration(max(1.0, one * trainings))}"
    else:
        number = f"{trainings:,} to {most:,} trainings"
        time_needed = f"about {duration(max(1.0, one * trainings))} to {duration(max(1.0, one * most))}"
    tell(f"{number} of {vocab_size:,} entries: {time_needed}")


def seconds(counts: Counts, vocab_size: int, steering: Steering, threads: int | None = None) -> float:
    """Estimate how long training takes.

    Most of the time goes into the pieces, and less and less of it into each merge: a training on few pieces is timed,
    and its time multiplied.
    """
    few = frequent(counts, PIECES)
    size = min(vocab_size, 256 + MERGES)
    began = time.perf_counter()
    train(few, vocab_size=size, parallel=steering, fairness=DEFAULT_FAIRNESS, threads=threads)
    taken = time.perf_counter() - began
    pieces = sum(counts.unique.values()) / max(1, sum(few.unique.values()))
    return float(taken * pieces * ((vocab_size - 255) / (size - 255)) ** GROWTH)


GROWTH = 0.3
"""The power of the number of merges with which time grows."""


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def frequent(counts: Counts, enough: int) -> Counts:
    """Leave rare pieces out until no more than `enough` are left."""
    few, least = counts, 2
    while sum(few.unique.values()) > enough:
        few, least = counts.filter(least), 2 * least
    return few
