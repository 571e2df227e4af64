"""Tekken JSON files, which mistral-common reads.

Special tokens have the first ids there, the 256 bytes follow in their order, and the other tokens by their rank. A
vocabulary with other ids is written only if they may change.
"""

from __future__ import annotations

import base64
from typing import Any, Protocol

from eurotok._core import UnsupportedError
from eurotok.escape import json_text
from eurotok.vocabulary import text_of

VERSION = "v3"
"""The version of mistral-common's tokenizers that the file states."""


class Ranked(Protocol):
    """The part of a tokenizer that a Tekken file needs."""

    @property
    def pattern(self) -> str:
        """The regex that splits text."""

    @property
    def special_tokens(self) -> dict[str, int]:
        """Ids of special and added tokens, by their text."""

    def to_bytes(self, format: str) -> bytes:  # noqa: A002 - of the binding
        """Give the contents of a file."""


def tekken(tokenizer: Ranked, renumber: bool = False) -> str:
    """Give the contents of a Tekken file.

    Parameters
    ----------
    tokenizer
        The tokenizer.
    renumber
        Whether tokens may get other ids.

    Raises
    ------
    UnsupportedError
        If ids would have to change and `renumber` is `False`, or the tokenizer is not byte-level BPE by ranks.
    """
    pairs = (line.split() for line in tokenizer.to_bytes("tiktoken").splitlines())
    tokens = sorted((int(rank), base64.b64decode(token)) for token, rank in pairs)
    specials = sorted(tokenizer.special_tokens.items(), key=lambda item: item[1])
    count = len(specials)
    if renumber:
        texts = {text.encode() for text, _ in specials}
        tokens = sorted(
            (pair for pair in tokens if pair[1] not in texts),
            key=lambda pair: (0, pair[1][0]) if len(pair[1]) == 1 else (1, pair[0]),
        )
    else:
        if [number for _, number in specials] != [*range(count)]:
            raise _refused("special tokens do not have the first ids")
        if [rank for rank, _ in tokens] != [*range(count, count + len(tokens))]:
            raise _refused("there are ids without a token")
        if [token for _, token in tokens[:256]] != [bytes([byte]) for byte in range(256)]:
            raise _refused("the 256 bytes do not come first, in their order")
    config: dict[str, Any] = {
        "pattern": tokenizer.pattern,
        "num_vocab_tokens": len(tokens),
        "default_vocab_size": len(tokens) + count,
        "default_num_special_tokens": count,
        "version": VERSION,
    }
    vocab = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": text_of(token)}
        for rank, (_, token) in enumerate(tokens)
    ]
    named = [{"rank": rank, "token_str": text, "is_control": True} for rank, (text, _) in enumerate(specials)]
    return json_text({"config": config, "vocab": vocab, "special_tokens": named}) + "\n"


def _refused(reason: str) -> UnsupportedError:
    return UnsupportedError(f"a Tekken file would change ids: {reason}; renumber=True (--renumber) allows that")
