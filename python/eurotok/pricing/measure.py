"""Counts of parallel text under a tokenizer, from which `metrics` makes figures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eurotok.pricing import metrics
from eurotok.pricing.adapters import Encoded, Encoder
from eurotok.ragged import Ragged
from eurotok.sequences import several


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
    forms, owners
        int64, shape (all words,): the number of its form, the same for words that are spelt alike; and of its sentence.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = several("sentences", sentences)
        self.encoded = [sentence.encode() for sentence in sentences]
        self.size = np.array([len(each) for each in self.encoded], dtype=np.int64)
        self.characters = np.array([len(each) for each in sentences], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.size + 1)[:-1]])
        joined = "\n".join(sentences) + "\n"
        self.data = np.frombuffer(joined.encode(), dtype=np.uint8)
        self.inside = np.append((self.data & 0xC0) == 0x80, False)
        byte_of_character = np.append(np.flatnonzero(~self.inside[:-1]), len(self.data))
        numbers: dict[str, int] = {}
        spans = word_spans(joined)
        words = [joined[begin:end] for begin, end in spans.T.tolist()]
        self.forms = np.array([numbers.setdefault(word, len(numbers)) for word in words], dtype=np.int64)
        self.spans = byte_of_character[spans]
        self.owners = np.searchsorted(self.starts, self.spans[0], side="right") - 1
        self.words = np.bincount(self.owners, minlength=len(sentences))


def word_spans(text: str) -> NDArray[np.int64]:
    r"""Find the words of a text.

    A word stands between white space, and reaches from its first letter or digit to its last. The
    regex `[^\W_](?:\S*[^\W_])?` matches the same words, but takes twice as long.

    Returns
    -------
    NDArray[np.int64]
        Shape (2, words): where each begins and ends, in characters.

    Examples
    --------
    >>> word_spans("« L’été », 2,5 –").tolist()
    [[2, 11], [7, 14]]
    """
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    present, space, letter = np.zeros((3, sys.maxunicode + 1), dtype=bool)
    present[codes] = True
    for code in np.flatnonzero(present).tolist():
        space[code], letter[code] = chr(code).isspace(), chr(code).isalnum()
    places = np.flatnonzero(letter[codes])
    between_spaces = np.cumsum(space[codes])[places]  # the same number for all letters of a word
    first = np.flatnonzero(np.diff(between_spaces, prepend=-1))
    return np.stack([places[first], np.append(places[first[1:] - 1], places[-1:]) + 1])


@dataclass(frozen=True)
class Usage:
    """Measures of a text under a tokenizer, as shares from 0 to 1; NaN if the tokenizer does not tell them.

    Attributes
    ----------
    continued_words, single_token_words, cut_tokens, exact_sentences, vocabulary_used
        See the functions of `metrics`. Words and cuts are NaN unless the tokens join to every sentence.
    renyi_efficiency
        See `metrics.renyi_efficiency`.
    continued, cut
        float64, shape (sentences,): words of several tokens and tokens that cut a character in each; NaN where their
        shares are.
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
    continued: NDArray[np.float64]
    cut: NDArray[np.float64]
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


class Tokens:
    """The bytes of the ids that texts hold, asked of the tokenizer once an id.

    Attributes
    ----------
    data
        uint8: the bytes of these ids, one after the other.
    starts, lengths
        int64, by id: where in `data` the bytes of each begin, and how many they are.
    """

    def __init__(self, encoder: Encoder, texts: Sequence[Ragged]) -> None:
        """See which ids occur: none is beyond the vocabulary, so that arrays may hold them all."""
        occurs = np.zeros(1 + max(int(each.ids.max(initial=0)) for each in texts), dtype=bool)
        for each in texts:
            occurs[each.ids] = True
        used = np.flatnonzero(occurs)
        tokens = token_bytes(encoder, used)
        sizes = np.array([len(each) for each in tokens], dtype=np.int64)
        self.data = np.frombuffer(b"".join(tokens), dtype=np.uint8)
        self.starts, self.lengths = np.zeros((2, len(occurs)), dtype=np.int64)
        self.lengths[used], self.starts[used] = sizes, np.cumsum(sizes) - sizes

    def join(self, ids: NDArray[np.uint32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Give the bytes of ids in a row, and how many have come before each id and after the last."""
        lengths = self.lengths[ids]
        ends = np.zeros(len(ids) + 1, dtype=np.int64)
        np.cumsum(lengths, out=ends[1:])
        # Byte n of the row is byte n - ends[i] of its token i.
        return self.data[np.arange(ends[-1]) + np.repeat(self.starts[ids] - ends[:-1], lengths)], ends


def usages(texts: Sequence[Text], encoder: Encoder, encoded: Sequence[Encoded]) -> tuple[Usage, ...]:
    """Count how a tokenizer treats each of several texts. Linear in their tokens."""
    known = [each.ids for each in encoded if each.ids is not None]
    tokens = Tokens(encoder, known) if encoder.token and known else None
    return tuple(_usage(text, encoder, result, tokens) for text, result in zip(texts, encoded, strict=True))


def _usage(text: Text, encoder: Encoder, encoded: Encoded, tokens: Tokens | None) -> Usage:
    nan, ids, size = float("nan"), encoded.ids, encoder.vocab_size
    unknown = np.full(len(text.sentences), nan)
    if ids is None or encoded.failures:
        return Usage(nan, nan, nan, nan, nan, nan, unknown, unknown, np.zeros(0, dtype=np.int64))
    if tokens is None:
        used, frequencies = np.unique(ids.ids.astype(np.int64), return_counts=True)
    else:
        frequencies = np.bincount(ids.ids)
        used, frequencies = np.flatnonzero(frequencies), frequencies[frequencies > 0]
    shares, continued, cut, unaligned = (nan, nan, nan), unknown, unknown, tuple(range(len(text.sentences)))
    if tokens is not None:
        ends, unaligned = _token_ends(text, ids, tokens)
        if not unaligned:
            shares, continued, cut = _words(text, ids, ends)
    inexact = _inexact(text, encoder, ids, unaligned)
    return Usage(
        *shares,
        nan if inexact is None else metrics.exact_sentences(~np.isin(np.arange(len(text.sentences)), inexact)),
        float(metrics.vocabulary_used(len(used), size or 0)),
        metrics.renyi_efficiency(frequencies, size) if size else nan,
        continued,
        cut,
        used,
        tuple(inexact or ()),
        unaligned if tokens is not None else (),
    )


def token_bytes(encoder: Encoder, ids: NDArray[np.integer]) -> list[bytes]:
    """Give the bytes that each id stands for; none if the tokenizer does not tell."""
    if encoder.token is None:
        return [b""] * len(ids)
    return [encoder.token(it) or b"" for it in ids.tolist()]


def _token_ends(text: Text, ids: Ragged, tokens: Tokens) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Find where in `text.data` each token ends, and the sentences in which that is not known."""
    made, total = tokens.join(ids.ids)
    bounds = total[ids.offsets]
    added = np.zeros(len(text.sentences), dtype=np.int64)
    joined, unaligned = made.tobytes(), []
    for number, (wanted, begin, end) in enumerate(
        zip(text.encoded, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ):
        if joined[begin:end] != wanted:
            if joined[begin:end] == b" " + wanted:  # SentencePiece puts a space before the text
                added[number] = 1
            else:
                unaligned.append(number)
    counts = np.diff(ids.offsets)
    ends = np.maximum(total[1:] - np.repeat(bounds[:-1] + added, counts), 0) + np.repeat(text.starts, counts)
    return ends, tuple(unaligned)


def _words(
    text: Text, ids: Ragged, ends: NDArray[np.int64]
) -> tuple[tuple[float, float, float], NDArray[np.float64], NDArray[np.float64]]:
    """Shares of words of several tokens, of forms that are one token, and of tokens that cut a character.

    Then these words and these tokens by sentence.
    """
    begins, sentences = np.concatenate([[0], ends[:-1]]), len(text.sentences)
    begins[ids.offsets[:-1][np.diff(ids.offsets) > 0]] = text.starts[np.diff(ids.offsets) > 0]
    cut = text.inside[begins] | text.inside[ends]
    # A word has as many tokens as reach from the one that holds its first byte to the one that holds its last.
    ended = np.cumsum(np.bincount(ends, minlength=len(text.data)))  # tokens that end at a byte or before it
    parts = ended[text.spans[1] - 1] - ended[text.spans[0]] + 1
    owners = np.repeat(np.arange(sentences), np.diff(ids.offsets))
    return (
        (metrics.continued_words(parts), metrics.single_token_words(parts, text.forms), metrics.cut_tokens(cut)),
        np.bincount(text.owners, weights=parts > 1, minlength=sentences).astype(np.float64),
        np.bincount(owners, weights=cut, minlength=sentences).astype(np.float64),
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
