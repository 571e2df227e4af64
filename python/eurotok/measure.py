"""What is counted in parallel text under a tokenizer; `metrics` makes figures of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eurotok import metrics
from eurotok.encoders import Encoded, Encoder
from eurotok.ragged import Ragged

# Between white space, from the first letter or digit to the last.
WORD = re.compile(r"[^\W_](?:\S*[^\W_])?")


class Text:
    """The sentences of a language, and where their words are.

    Attributes
    ----------
    sentences, encoded
        As they are, and in UTF-8.
    size, characters, words
        int64, shape (sentences,): bytes in UTF-8, code points, and words of each.
    data
        uint8: all sentences in UTF-8, each followed by a line feed.
    starts
        int64, shape (sentences,): where each begins in `data`.
    spans
        int64, shape (2, all words): where in `data` each begins and ends.
    forms
        int64, shape (all words,): the number of its form, the same for words that are spelt alike.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = sentences
        self.encoded = [sentence.encode() for sentence in sentences]
        self.size = np.array([len(each) for each in self.encoded], dtype=np.int64)
        self.characters = np.array([len(each) for each in sentences], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.size + 1)[:-1]])
        joined = "\n".join(sentences) + "\n"
        self.data = np.frombuffer(joined.encode(), dtype=np.uint8)
        self.inside = np.append((self.data & 0xC0) == 0x80, False)
        byte_of_character = np.append(np.flatnonzero(~self.inside[:-1]), len(self.data))
        numbers: dict[str, int] = {}
        found = [(*it.span(), numbers.setdefault(it[0], len(numbers))) for it in WORD.finditer(joined)]
        begin, end, form = np.array(found, dtype=np.int64).reshape(-1, 3).T
        self.spans, self.forms = byte_of_character[np.stack([begin, end])], form
        owner = np.searchsorted(self.starts, self.spans[0], side="right") - 1
        self.words = np.bincount(owner, minlength=len(sentences))


@dataclass(frozen=True)
class Usage:
    """How a tokenizer treats a text, as shares from 0 to 1; NaN for what it does not tell.

    Attributes
    ----------
    continued_words, single_token_words, cut_tokens, exact_sentences, vocabulary_used
        See `metrics.quotient`. Words and cuts are NaN unless the tokens join to every sentence.
    renyi_efficiency
        See `metrics.renyi_efficiency`.
    used
        The ids that occur, sorted.
    inexact
        Places of sentences that do not decode to themselves.
    unaligned
        Places of sentences that the bytes of their tokens do not join to.
    """

    continued_words: float
    single_token_words: float
    cut_tokens: float
    exact_sentences: float
    vocabulary_used: float
    renyi_efficiency: float
    used: NDArray[np.int64]
    inexact: tuple[int, ...] = ()
    unaligned: tuple[int, ...] = ()


SHARES = (
    "continued_words",
    "single_token_words",
    "cut_tokens",
    "exact_sentences",
    "vocabulary_used",
    "renyi_efficiency",
)
"""The figures of `Usage`."""


def usage(text: Text, encoder: Encoder, encoded: Encoded) -> Usage:
    """Count how a tokenizer treats a text. Linear in its tokens."""
    nan, ids = float("nan"), encoded.ids
    if ids is None or encoded.failures:
        return Usage(nan, nan, nan, nan, nan, nan, np.zeros(0, dtype=np.int64))
    used, place, frequencies = np.unique(ids.ids, return_inverse=True, return_counts=True)
    size = encoder.vocab_size
    ends, unaligned = _token_ends(text, encoder, ids, token_bytes(encoder, used), place)
    words = (nan, nan, nan) if unaligned else _words(text, ids, ends)
    inexact = _inexact(text, encoder, ids, unaligned)
    return Usage(
        *words,
        nan if inexact is None else 1 - len(inexact) / len(text.sentences),
        len(used) / size if size else nan,
        metrics.renyi_efficiency(frequencies, size) if size else nan,
        used.astype(np.int64),
        tuple(inexact or ()),
        unaligned if encoder.token else (),
    )


def token_bytes(encoder: Encoder, ids: NDArray[np.uint32]) -> list[bytes]:
    """Give the bytes that each id stands for; none if the tokenizer does not tell."""
    return [(encoder.token(int(it)) if encoder.token else None) or b"" for it in ids]


def _token_ends(
    text: Text, encoder: Encoder, ids: Ragged, tokens: Sequence[bytes], place: NDArray[np.int64]
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Find where in `text.data` each token ends, and the sentences in which that is not known."""
    if encoder.token is None:
        return np.zeros(0, dtype=np.int64), tuple(range(len(text.sentences)))
    total = np.concatenate([[0], np.cumsum(np.array([len(it) for it in tokens], dtype=np.int64)[place])])
    joined = b"".join([tokens[it] for it in place.tolist()])
    bounds = total[ids.offsets]
    added = np.zeros(len(text.sentences), dtype=np.int64)
    unaligned = []
    for number, (wanted, begin, end) in enumerate(
        zip(text.encoded, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ):
        made = joined[begin:end]
        if made != wanted:
            if made == b" " + wanted:  # SentencePiece puts a space before the text
                added[number] = 1
            else:
                unaligned.append(number)
    counts = np.diff(ids.offsets)
    ends = np.maximum(total[1:] - np.repeat(bounds[:-1] + added, counts), 0) + np.repeat(text.starts, counts)
    return ends, tuple(unaligned)


def _words(text: Text, ids: Ragged, ends: NDArray[np.int64]) -> tuple[float, float, float]:
    """Shares of words of several tokens, of forms that are one token, and of tokens that cut a character."""
    begins = np.concatenate([[0], ends[:-1]])
    begins[ids.offsets[:-1][np.diff(ids.offsets) > 0]] = text.starts[np.diff(ids.offsets) > 0]
    cut = text.inside[begins] | text.inside[ends]
    # A word has as many tokens as reach from the one that holds its first byte to the one that holds its last.
    ended = np.cumsum(np.bincount(ends, minlength=len(text.data)))  # tokens that end at a byte or before it
    alone = ended[text.spans[0]] == ended[text.spans[1] - 1]
    single = np.zeros(text.forms.max(initial=-1) + 1, dtype=bool)
    single[text.forms[alone]] = True
    return (
        float(metrics.quotient(np.count_nonzero(~alone), alone.size)),
        float(metrics.quotient(np.count_nonzero(single), single.size)),
        float(metrics.quotient(np.count_nonzero(cut), cut.size)),
    )


def _inexact(text: Text, encoder: Encoder, ids: Ragged, unaligned: Sequence[int]) -> list[int] | None:
    """Sentences that do not decode to themselves; None if the tokenizer does not decode."""
    if encoder.decode is not None:
        try:
            decoded = encoder.decode(ids)
        except Exception:  # a foreign decoder that cannot take its own ids gives no sentence back
            return list(range(len(text.sentences)))
        return [n for n, pair in enumerate(zip(text.sentences, decoded, strict=True)) if pair[0] != pair[1]]
    return None if encoder.token is None else list(unaligned)
