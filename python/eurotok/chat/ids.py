"""From rendered chats to ids.

The text is encoded whole, with control tokens. If control tokens stand only in text of the template, the ids equal the
ids of `apply_chat_template`. Else content holds the text of a control token, or a part of it: the text is then cut at
the template's own control tokens, and the rest is encoded as text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eurotok.chat.template import Turn
from eurotok.chat.traced import Traced
from eurotok.literals import Specials

ANSWERING = ("assistant", "model")
"""Roles whose messages are answers."""

Ids = NDArray[np.uint32]
Spans = NDArray[np.int64]


class Encoder(Protocol):
    """The part of a tokenizer that chats need."""

    @property
    def special_tokens(self) -> dict[str, int]:
        """Ids of special and added tokens, by their text."""

    def encode_with_offsets(self, text: str, *, specials: Specials = "text") -> tuple[Ids, Spans]:
        """Encode a text, and tell where each token stands in it."""


@dataclass(frozen=True)
class Encoded:
    """A chat as ids.

    Attributes
    ----------
    ids
        uint32, shape (tokens,).
    mask
        bool, shape (tokens,): the tokens that the assistant said, and the mark that ends them.
    text
        The text that the ids stand for, with the origin of each character.
    spans
        int64, shape (tokens, 2): begin and end of each token in `text`, in characters.
    """

    ids: Ids
    mask: NDArray[np.bool_]
    text: Traced
    spans: Spans


def encode_chat(tokenizer: Encoder, text: Traced, roles: Sequence[str], turn: Turn) -> Encoded:
    """Encode a rendered chat.

    Parameters
    ----------
    tokenizer
        Whose control tokens are all its special and added tokens.
    text
        The chat, as `render` gives it.
    roles
        The role of each message, in order.
    turn
        How the template opens and closes an answer.
    """
    ids, spans = _encode(tokenizer, text)
    control = np.isin(ids, np.fromiter(tokenizer.special_tokens.values(), np.uint32))
    return Encoded(ids, _said(text, spans, control, roles, turn), text, spans)


def _encode(tokenizer: Encoder, text: Traced) -> tuple[Ids, Spans]:
    ids, spans = tokenizer.encode_with_offsets(str.__str__(text), specials="parse")
    control = np.isin(ids, np.fromiter(tokenizer.special_tokens.values(), np.uint32))
    own = _own(text)
    if all(_within(own, begin, end) for begin, end in spans[control].tolist()):
        return ids, spans
    made: list[tuple[Ids, Spans]] = []
    done = 0
    for begin, end, id_ in _control_tokens(tokenizer.special_tokens, text, own):
        made += _as_text(tokenizer, str.__str__(text)[done:begin], done)
        made.append((np.array([id_], np.uint32), np.array([[begin, end]], np.int64)))
        done = end
    made += _as_text(tokenizer, str.__str__(text)[done:], done)
    return np.concatenate([part for part, _ in made]), np.concatenate([part for _, part in made])


def _own(text: Traced) -> list[tuple[int, int]]:
    """Give begin and end of each stretch of the template's own text."""
    stretches: list[tuple[int, int]] = []
    for begin, end, origin in text.spans():
        if origin.is_content:
            continue
        if stretches and stretches[-1][1] == begin:
            begin = stretches.pop()[0]
        stretches.append((begin, end))
    return stretches


def _within(stretches: list[tuple[int, int]], begin: int, end: int) -> bool:
    place = bisect_right(stretches, begin, key=lambda stretch: stretch[0]) - 1
    return place >= 0 and end <= stretches[place][1]


def _control_tokens(
    tokens: Mapping[str, int], text: Traced, own: list[tuple[int, int]]
) -> Iterator[tuple[int, int, int]]:
    """Find the control tokens that stand in the template's own text: the leftmost first, of several the longest."""
    pattern = re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))))
    for begin, end in own:
        for match in pattern.finditer(str.__str__(text), begin, end):
            yield match.start(), match.end(), tokens[match[0]]


def _as_text(tokenizer: Encoder, text: str, begin: int) -> list[tuple[Ids, Spans]]:
    """Encode text, no part of which becomes a control token: an added token that is always recognised is cut in two."""
    if not text:
        return []
    ids, spans = tokenizer.encode_with_offsets(text, specials="text")
    control = np.isin(ids, np.fromiter(tokenizer.special_tokens.values(), np.uint32))
    if not control.any():
        return [(ids, spans + begin)]
    start = int(spans[control][0, 0])
    # After the first character that is not blank: with the blanks before it a token may be recognised, too.
    cut = start + len(text[start:]) - len(text[start:].lstrip()) + 1
    if cut >= len(text):
        raise ValueError(f"{text!r} is a control token of one character, which content cannot be told from")
    return _as_text(tokenizer, text[:cut], begin) + _as_text(tokenizer, text[cut:], begin + cut)


def _said(
    text: Traced, spans: Spans, control: NDArray[np.bool_], roles: Sequence[str], turn: Turn
) -> NDArray[np.bool_]:
    """Mark the tokens of the assistant: the tokens in `{% generation %}` blocks, if the template has any."""
    marked = [(begin, end) for begin, end, origin in text.spans() if origin.generated]
    return _touching(spans, marked or list(_answers(text, spans[control], roles, turn)))


def _answers(text: Traced, marks: Spans, roles: Sequence[str], turn: Turn) -> Iterator[tuple[int, int]]:
    """Give begin and end of each answer: the text between the opening of a turn and its closing mark.

    Without an opening, an answer begins with its content; without a closing mark, it ends with it.
    """
    plain = str.__str__(text)
    bounds: list[tuple[int, int, int]] = []
    for begin, end, origin in text.spans():
        if origin.message >= 0:
            if bounds and bounds[-1][0] == origin.message:
                begin = bounds.pop()[1]
            bounds.append((origin.message, begin, end))
    for place, (message, begin, end) in enumerate(bounds):
        if message >= len(roles) or roles[message] not in ANSWERING:
            continue
        before = bounds[place - 1][2] if place else 0
        after = bounds[place + 1][1] if place + 1 < len(bounds) else len(plain)
        opening = plain.rfind(turn.opening, before, begin) if turn.opening else -1
        yield begin if opening < 0 else opening + len(turn.opening), _closing(plain, marks, end, after, turn)


def _closing(plain: str, marks: Spans, end: int, after: int, turn: Turn) -> int:
    """Give the end of the mark that closes a turn: the usual mark, else the next one behind the message."""
    if not turn.closing:
        return end
    usual = plain.find(turn.closing, end, after)
    if usual >= 0:
        return usual + len(turn.closing)
    place = int(np.searchsorted(marks[:, 0], end))
    return int(marks[place, 1]) if place < len(marks) and marks[place, 1] <= after else end


def _touching(spans: Spans, stretches: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Tell which spans have a character in one of the stretches, which rise and do not overlap."""
    begins = np.array([begin for begin, _ in stretches], np.int64)
    ends = np.array([end for _, end in stretches], np.int64)
    if not stretches:
        return np.zeros(len(spans), np.bool_)
    place = np.searchsorted(ends, spans[:, 0], side="right")
    touched = place < len(begins)
    touched &= spans[:, 1] > begins[np.minimum(place, len(begins) - 1)]
    return touched & (spans[:, 1] > spans[:, 0])
