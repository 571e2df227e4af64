"""Calling a tokenizer: texts to rows for a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from eurotok.batch import Batch, Cut, Frame, Padding, Side, Strategy, Texts, assembled, rows
from eurotok.from_file import stated_padding, stated_truncation
from eurotok.literals import Errors, Specials
from eurotok.ragged import Ragged, padded_width

PROBES = ("x", "y")
"""Texts by which the special tokens around a text are found."""


class Encoder(Protocol):
    """The part of a tokenizer that rows need."""

    @property
    def pad_id(self) -> int | None:
        """The id of the padding token."""

    @property
    def _stated(self) -> list[str | None]:
        """How the tokenizer's file has rows padded, and how truncated, in JSON."""

    def encode(self, text: str, pair: str | None = None, *, special_tokens: bool = False) -> NDArray[np.uint32]:
        """Encode a text, or two."""

    def encode_with_offsets(
        self, text: str, *, specials: Specials, errors: Errors
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Encode a text, and tell where each token stands in it."""

    def encode_batch(
        self,
        texts: Sequence[str],
        threads: int | None = None,
        *,
        specials: Specials,
        errors: Errors,
    ) -> Ragged:
        """Encode many texts."""


class Rows:
    """Adds the call to a tokenizer."""

    def __call__(
        self: Encoder,
        texts: str | Sequence[str],
        pair: str | Sequence[str] | None = None,
        *,
        padding: bool | Padding | Literal["file"] = False,
        truncation: bool | Strategy | Literal["file"] = False,
        max_length: int | None = None,
        stride: int = 0,
        special_tokens: bool = False,
        overflow: bool = False,
        return_offsets: bool = False,
        padding_side: Side = "right",
        truncation_side: Side = "right",
        multiple_of: int | None = None,
        pad: int | None = None,
        specials: Specials = "text",
        errors: Errors = "strict",
        threads: int | None = None,
    ) -> Batch:
        """Encode texts, or pairs of texts, to rows for a model.

        Parameters
        ----------
        texts
            The texts; a single `str` is one text.
        pair
            The second text of each row.
        padding
            `True` or `"longest"` to fill rows up to the longest, `"max_length"` to `max_length`; `"file"` as the
            tokenizer's file states, with its side, multiple and id.
        truncation
            `True` or `"longest_first"` to shorten a row that is longer than `max_length`, of two texts the longer one;
            or `"only_first"`, `"only_second"`; `"file"` as the tokenizer's file states, with its side, stride and
            `max_length`, unless that is given.
        max_length
            The most ids of a row, special tokens included.
        stride
            With `overflow`, how many ids of a row the next row of the same text begins with.
        special_tokens
            Whether to add the special tokens that the tokenizer's post-processor puts around texts.
        overflow
            Whether the rest of a text that is shortened makes further rows. Of a pair, `truncation` then says which.
        return_offsets
            Whether to tell the place of each token in its text.
        padding_side, truncation_side
            `"right"` or `"left"`: where rows are filled up, and where they are shortened.
        multiple_of
            The width of padded rows is rounded up to a multiple of this.
        pad
            The id to pad with; by default `pad_id`.
        specials, errors, threads
            As for `encode_batch`.

        Returns
        -------
        Batch
            Rows and masks: arrays if rows are padded.

        Raises
        ------
        ValueError
            If a choice has no meaning, the file states none, `max_length` is missing or shorter than the special
            tokens, `stride` leaves no progress, or there is no padding token.

        Examples
        --------
        >>> import eurotok
        >>> tok = eurotok.train(["un deux trois"], vocab_size=258, special_tokens=["<|pad|>"])
        >>> tok(["un", "deux"], padding=True).attention_mask
        array([[1, 1, 0, 0],
               [1, 1, 1, 1]])
        """
        of_padding, of_truncation = self._stated
        width = max_length
        if padding == "file":
            ours = stated_padding(of_padding)
            padding, width, padding_side, multiple_of = ours.padding, ours.width, ours.side, ours.multiple_of
            pad = ours.pad if pad is None else pad
        if truncation == "file":
            theirs = stated_truncation(of_truncation)
            truncation, truncation_side, stride = theirs.strategy, theirs.side, theirs.stride
            max_length = theirs.max_length if max_length is None else max_length
        padded, strategy = _padding(padding), _strategy(truncation)
        if (max_length is None and strategy) or (width is None and padded == "max_length"):
            raise ValueError("max_length: how many ids a row may have is not said")
        if max_length is not None and max_length < 1:
            raise ValueError(f"max_length: {max_length} is not positive")
        if stride < 0:
            raise ValueError(f"stride: {stride} is negative")
        for name, side in (("padding_side", padding_side), ("truncation_side", truncation_side)):
            if side not in get_args(Side):
                raise ValueError(f"{name}: {side!r} is neither 'left' nor 'right'")
        firsts = [texts] if isinstance(texts, str) else list(texts)
        seconds = None if pair is None else [pair] if isinstance(pair, str) else list(pair)
        if seconds is not None and len(seconds) != len(firsts):
            raise ValueError(f"pair: {len(seconds)} texts for {len(firsts)} rows")
        if overflow and seconds is not None and strategy == "longest_first":
            raise ValueError("overflow: of a pair, truncation must be 'only_first' or 'only_second'")
        filler = self.pad_id if pad is None else pad
        if padded and filler is None:
            raise ValueError("pad: the vocabulary has no padding token; give an id")

        def encoded(lines: Sequence[str]) -> Texts:
            if not return_offsets:
                return Texts(self.encode_batch(lines, threads, specials=specials, errors=errors))
            pairs = [self.encode_with_offsets(line, specials=specials, errors=errors) for line in lines]
            spans = np.concatenate([spans for _, spans in pairs]) if pairs else np.zeros((0, 2), np.int64)
            return Texts(Ragged.from_lists([ids for ids, _ in pairs]), spans)

        parts, samples = rows(
            encoded(firsts),
            None if seconds is None else encoded(seconds),
            frame(self, pair=seconds is not None) if special_tokens else NO_FRAME,
            Cut(strategy, max_length or 0, stride, truncation_side, overflow),
        )
        filled = None
        if padded:
            lengths = np.stack([part.ids.lengths for part in parts]).sum(axis=0)
            filled = padded_width(lengths, width if padded == "max_length" else None, multiple_of)
            # A row that is not shortened may be longer than max_length, as in other libraries.
            filled = max(filled, int(lengths.max(initial=0)))
        return assembled(parts, samples, width=filled, pad=filler or 0, side=padding_side, spans=return_offsets)


NOTHING = np.zeros(0, np.uint32)
NO_FRAME = Frame(NOTHING, NOTHING, NOTHING)


def frame(encoder: Encoder, *, pair: bool) -> Frame:
    """Find the special tokens that a tokenizer puts around a text, or around two, by encoding short ones.

    Raises
    ------
    ValueError
        If they do not stand around the texts.
    """
    first, second = (encoder.encode(text).tolist() for text in PROBES)
    whole = encoder.encode(PROBES[0], PROBES[1] if pair else None, special_tokens=True).tolist()
    begin = _find(whole, first, 0)
    middle = begin + len(first)
    end = _find(whole, second, middle) if pair else middle
    behind = end + len(second) if pair else middle
    before, between, after = (np.array(part, np.uint32) for part in (whole[:begin], whole[middle:end], whole[behind:]))
    return Frame(before, between, after)


def _find(whole: list[int], part: list[int], start: int) -> int:
    for place in range(start, len(whole) - len(part) + 1):
        if whole[place : place + len(part)] == part:
            return place
    raise ValueError("special_tokens: the post-processor changes the ids of texts, so rows cannot be put together")


def _padding(padding: bool | Padding) -> Padding | None:
    if isinstance(padding, bool):
        return "longest" if padding else None
    if padding not in get_args(Padding):
        raise ValueError(f"padding: {padding!r} is none of True, False, 'longest', 'max_length', 'file'")
    return padding


def _strategy(truncation: bool | Strategy) -> Strategy | None:
    if isinstance(truncation, bool):
        return "longest_first" if truncation else None
    if truncation not in get_args(Strategy):
        names = ", ".join(map(repr, get_args(Strategy)))
        raise ValueError(f"truncation: {truncation!r} is none of True, False, {names}, 'file'")
    return truncation
