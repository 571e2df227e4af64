"""Recognises parallel text that steered training, by hashes of some of its sentences.

Prices on the text that steered training are better than on any other, so a comparison on it says too much.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

SENTENCES = 64
"""Hashes to keep, of all languages together. They are the smallest ones, so that two texts with common sentences have
common hashes."""

EACH = 8
"""Hashes to keep of each language at least, so that one language alone is known again."""


class SteeredWarning(UserWarning):
    """A text to compare on has sentences that steered the training of a tokenizer."""

    __module__ = "eurotok"


def hashes(sentences: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Hash each sentence of each language, without the name of the language."""
    for lines in sentences.values():
        for line in lines:
            yield hashlib.blake2b(line.strip().encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def sketch(sentences: Mapping[str, Sequence[str]]) -> list[str]:
    """Choose the hashes by which a tokenizer remembers the parallel text that steered its training.

    Returns
    -------
    list of str
        The smallest hashes of the different sentences of each language, in order: `SENTENCES` at most, or `EACH` of a
        language if these are more.

    Examples
    --------
    >>> len(sketch({"en": ["One.", "Two."], "fr": ["Un.", "Deux."]}))
    4
    """
    each = max(EACH, SENTENCES // max(1, len(sentences)))
    smallest = (heapq.nsmallest(each, set(hashes({language: lines}))) for language, lines in sentences.items())
    return sorted(set(chain.from_iterable(smallest)))


def known(remembered: Iterable[str], sentences: Mapping[str, Sequence[str]]) -> float:
    """Give the share of the remembered sentences that a text has, from 0 to 1; 0 if none are remembered.

    Examples
    --------
    >>> text = {"en": ["One.", "Two."], "fr": ["Un.", "Deux."]}
    >>> known(sketch(text), text), known(sketch(text), {"en": ["Three."]}), known([], text)
    (1.0, 0.0, 0.0)
    """
    wanted = set(remembered)
    return len(wanted.intersection(hashes(sentences))) / len(wanted) if wanted else 0.0
