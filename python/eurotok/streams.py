"""Text and ids that come in parts: decoding as a model writes, encoding as text arrives."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eurotok.literals import Errors, Specials

CUT = re.compile(r"[!-~](?= )")
"""A visible ASCII character before a space: with any scheme of the table a piece ends there, whatever follows."""


BYTE = re.compile("<0x[0-9A-F]{2}>")
"""The text of a token that stands for a byte."""


class Vocabulary(Protocol):
    """The part of a tokenizer that decoding needs."""

    def token(self, id: int) -> bytes:  # noqa: A002 - as of the binding
        """Give the bytes of an id."""

    def decode(self, ids: list[int], *, errors: Errors = "replace", skip_specials: bool = False) -> str:
        """Give the text of ids."""

    def to_bytes(self, format: str) -> bytes:  # noqa: A002 - as of the binding
        """Give the contents of a file."""

    def _spells_bytes(self) -> bool:
        """Say whether the bytes of tokens, joined, are the text."""

    @property
    def _skipped_ids(self) -> list[int]:
        """Ids of the tokens that `skip_specials` leaves out."""


class StreamDecoder:
    """Decodes ids one at a time. Made by `Tokenizer.decoder`.

    What it gives, joined, is what `decode` gives for all ids; a character is given when it is whole. Pickled in the
    midst of a stream, it goes on where it was.

    Parameters
    ----------
    tokenizer
        Whose ids they are.
    errors
        `"replace"` to put U+FFFD where bytes are not UTF-8, or `"strict"`.
    skip_specials
        Whether to leave out special tokens, as `decode` does.

    Examples
    --------
    >>> import eurotok
    >>> tok = eurotok.train(["x"], vocab_size=256, special_tokens=[])
    >>> stream = tok.decoder()
    >>> [stream.push(id) for id in tok.encode_list("aď!")], stream.finish()
    (['a', '', 'ď', '!'], '')
    """

    __slots__ = ("_errors", "_ids", "_read", "_rest", "_skip_specials", "_skipped", "_spells", "_tokenizer", "_whole")

    def __init__(
        self,
        tokenizer: Vocabulary,
        errors: Errors = "replace",
        skip_specials: bool = False,
    ) -> None:
        if errors not in ("strict", "replace"):
            raise ValueError(f"errors: {errors!r} is neither 'strict' nor 'replace'")
        self._tokenizer, self._errors, self._skip_specials = tokenizer, errors, skip_specials
        self._rest = b""
        # Where tokens do not spell the text: the ids of a window, and how many of them gave their text.
        self._ids: list[int] = []
        self._read = 0
        self._prepare()

    def _prepare(self) -> None:
        self._spells = self._tokenizer._spells_bytes()
        self._whole = whole_tokens(self._tokenizer, self._skip_specials)
        self._skipped = frozenset(self._tokenizer._skipped_ids) if self._skip_specials else frozenset[int]()

    def push(self, id: int) -> str:  # noqa: A002 - the word of the field
        """Take the next id, and give the text that is certain since the last.

        Raises
        ------
        UnknownIdError
            If the vocabulary has no such id.
        UnicodeDecodeError
            If the bytes are not UTF-8 and `errors` is `"strict"`.
        """
        if not self._rest:
            text = self._whole.get(id)
            if text is not None:
                return text
        return self._push(id)

    def finish(self) -> str:
        """End the stream, and give what is left: U+FFFD for a character that is not whole. A new stream begins."""
        if not self._spells:
            text = self._new_text()
            self._ids, self._read = [], 0
            return text
        rest, self._rest = self._rest, b""
        return codecs.utf_8_decode(rest, self._errors, True)[0]

    def _push(self, number: int) -> str:
        token = self._tokenizer.token(number)
        if not self._spells:
            return self._push_window(number)
        if number in self._skipped:
            token = b""
        if not self._rest:
            try:
                self._whole[number] = token.decode()
            except UnicodeDecodeError:
                pass
            else:
                return self._whole[number]
        data = self._rest + token
        text, used = codecs.utf_8_decode(data, self._errors, False)
        self._rest = data[used:]
        return text

    def _push_window(self, number: int) -> str:
        """Give what an id adds to the text of those before it, which its decoder may look at.

        The text of a run of byte tokens is certain at its end: one byte that fits nowhere changes all of it.
        """
        self._ids.append(number)
        if number in self._skipped or number in byte_tokens(self._tokenizer):
            return ""
        text = self._new_text()
        if text:
            # The ids that were new are now those before the next.
            self._ids = self._ids[self._read :]
            self._read = len(self._ids)
        return text

    def _new_text(self) -> str:
        def text(ids: list[int]) -> str:
            return self._tokenizer.decode(ids, errors=self._errors, skip_specials=self._skip_specials)

        return text(self._ids)[len(text(self._ids[: self._read])) :] if self._ids else ""

    def __getstate__(self) -> tuple[Any, ...]:
        return self._tokenizer, self._errors, self._skip_specials, self._rest, self._ids, self._read

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._tokenizer, self._errors, self._skip_specials, self._rest, self._ids, self._read = state
        self._prepare()


def whole_tokens(tokenizer: Any, skip_specials: bool) -> dict[int, str]:  # noqa: ANN401 - any tokenizer
    """Give the texts of tokens that are whole characters, as far as streams met them: one table a tokenizer."""
    tables: dict[bool, dict[int, str]] = tokenizer.__dict__.setdefault("_whole_tokens", {})
    return tables.setdefault(skip_specials, {})


def byte_tokens(tokenizer: Any) -> frozenset[int]:  # noqa: ANN401 - any tokenizer
    """Give the ids of tokens that stand for a byte, `<0x00>` to `<0xFF>`; found once for a tokenizer."""
    known: frozenset[int] | None = tokenizer.__dict__.get("_byte_tokens")
    if known is None:
        vocab = json.loads(tokenizer.to_bytes("json"))["model"]["vocab"]
        pairs = vocab.items() if isinstance(vocab, dict) else ((entry[0], place) for place, entry in enumerate(vocab))
        known = frozenset(number for text, number in pairs if BYTE.fullmatch(text))
        tokenizer.__dict__["_byte_tokens"] = known
    return known


class Encoder(Protocol):
    """The part of a tokenizer that encoding needs."""

    @property
    def scheme(self) -> str | None:
        """The name of the splitting rule, if it has one."""

    @property
    def special_tokens(self) -> dict[str, int]:
        """Ids of special and added tokens, by their text."""

    def encode(self, text: str, *, specials: Specials = "text") -> NDArray[np.uint32]:
        """Encode a text."""


def encode_stream(
    tokenizer: Encoder, chunks: Iterable[str], specials: Specials = "text"
) -> Iterator[NDArray[np.uint32]]:
    """Encode text that comes in parts: ids as soon as they are certain. See `Tokenizer.encode_stream`."""
    tokens = tokenizer.special_tokens
    longest = max(map(len, tokens), default=0)
    spaced = any(CUT.search(token) for token in tokens)
    text = ""
    for chunk in chunks:
        if not isinstance(chunk, str):
            raise TypeError(f"chunks: a str is expected, got {type(chunk).__name__}")
        text += chunk
        if tokenizer.scheme is None or spaced:
            continue
        cut = _last_cut(text, len(text) - longest)
        if cut:
            yield tokenizer.encode(text[:cut], specials=specials)
            text = text[cut:]
    yield tokenizer.encode(text, specials=specials)


def _last_cut(text: str, limit: int) -> int:
    """Give the last place before `limit` where the text can be cut, or 0."""
    size = 64
    while limit > 0:
        begin = max(0, limit - size)
        found = [match.end() for match in CUT.finditer(text, begin, limit)]
        if found:
            return found[-1]
        if begin == 0:
            return 0
        size *= 4
    return 0
