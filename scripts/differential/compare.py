"""The first difference between two libraries, and the shortest text that shows it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from scripts.differential.subjects import Subject

T = TypeVar("T")

IDS = 40
"""Random ids that are decoded at a time."""


@dataclass(frozen=True)
class Difference:
    """The results of both for the same text.

    Attributes
    ----------
    subject
        The vocabulary and the peer.
    what
        Ids, offsets, decoding or counts.
    given
        The text, or the ids that were decoded; reduced.
    ours, theirs
        What came of it.
    """

    subject: str
    what: str
    given: str | list[int]
    ours: object
    theirs: object

    def __str__(self) -> str:
        """Show all of it, in escaped characters."""
        given = ascii(self.given)
        return f"{self.subject}: {self.what} of {given}\n  ours:   {self.ours!a}\n  theirs: {self.theirs!a}"


def on_texts(subject: Subject, texts: Sequence[str]) -> Difference | None:
    """Compare ids, one by one and in a batch, counts, offsets, and the texts that ids give back."""
    batch = subject.tok.encode_batch(texts, threads=1)
    counts = subject.tok.count_batch(texts, threads=1)
    theirs = subject.encode(texts)
    for text, ids, count, (expected, starts) in zip(texts, batch.to_list(), counts.tolist(), theirs, strict=True):
        is_same = ids == expected and count == len(expected) and _of_text(subject, text, expected, starts) is None
        if not is_same:
            return _reduced(subject, text) or Difference(subject.name, "ids in a batch", text, (ids, count), expected)
    return None


def _of_text(subject: Subject, text: str, ids: list[int], starts: list[int]) -> Difference | None:
    ours, spans = subject.tok.encode_with_offsets(text)
    alone = subject.tok.encode(text).tolist()
    found: tuple[tuple[str, object, object], ...] = (
        ("ids", alone, ids),
        ("ids with offsets", ours.tolist(), ids),
        ("offsets", spans[:, 0].tolist(), starts),
        ("decoding", subject.tok.decode(ids), subject.decode(ids)),
        ("count", subject.tok.count(text), len(ids)),
    )
    for what, ours_, theirs in found:
        if ours_ != theirs:
            return Difference(subject.name, what, text, ours_, theirs)
    return None


def on_ids(subject: Subject, rng: random.Random) -> Difference | None:
    """Compare the text of random ids, most of which make no characters."""
    ids = [rng.randrange(subject.tok.vocab_size) for _ in range(rng.randint(1, IDS))]
    known = [rank for rank in ids if _has_token(subject, rank)]

    def differs(ids: Sequence[int]) -> bool:
        return subject.tok.decode(list(ids)) != subject.decode(list(ids))

    if not differs(known):
        return None
    least = list(reduced(known, differs))
    return Difference(subject.name, "decoding", least, subject.tok.decode(least), subject.decode(least))


def _has_token(subject: Subject, id: int) -> bool:  # noqa: A002 - ids are called id
    try:
        subject.tok.token(id)
    except ValueError:
        return False
    return True


def _reduced(subject: Subject, text: str) -> Difference | None:
    """Look for the shortest text with the same kind of difference; None if the text alone shows none."""

    def difference(text: str) -> Difference | None:
        ((ids, starts),) = subject.encode([text])
        return _of_text(subject, text, ids, starts)

    first = difference(text)
    if first is None:
        return None

    def differs(text: Sequence[str]) -> bool:
        found = difference("".join(text))
        return found is not None and found.what == first.what

    return difference("".join(reduced(list(text), differs)))


def reduced(items: Sequence[T], differs: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """Leave out whatever `differs` does not need: halves first, then smaller parts, single items at last."""
    size = max(len(items) // 2, 1)
    while size:
        start, is_shorter = 0, False
        while start < len(items):
            without = [*items[:start], *items[start + size :]]
            if differs(without):
                items, is_shorter = without, True
            else:
                start += size
        if not (size == 1 and is_shorter):
            size //= 2
    return items
