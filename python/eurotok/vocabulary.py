"""Tokens written as text: as people read them, and as a `tokenizer.json` spells them."""

from __future__ import annotations

import re

from eurotok import _core

BYTE = re.compile("<0x([0-9A-F]{2})>")

NAMES = {
    "bos": ("<s>", "<bos>", "[BOS]", "<|begin_of_text|>", "<|startoftext|>", "<|bos|>", "<|begin|>", "[CLS]"),
    "eos": (
        "</s>", "<eos>", "[EOS]", "<|end_of_text|>", "<|endoftext|>", "<|eos|>", "<|end|>", "<|im_end|>", "[SEP]",
    ),
    "pad": ("<pad>", "[PAD]", "<|pad|>", "<|padding|>", "<|finetune_right_pad_id|>", "<|pad_token|>"),
}  # fmt: skip
"""What the special tokens at the beginning, at the end and behind the end of a text are usually called, the most usual
first."""


class Written:
    """The tokens of a tokenizer as people read them.

    Parameters
    ----------
    tokenizer
        The tokenizer.
    """

    def __init__(self, tokenizer: _core.Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._specials = {number: text for text, number in tokenizer.special_tokens.items()}

    def text(self, number: int) -> str:
        """Write the token of an id."""
        special = self._specials.get(number)
        return written(self._tokenizer.token(number)) if special is None else special

    def vocabulary(self) -> dict[str, int]:
        """Give the ids of all tokens; ids that have none are left out."""
        found: dict[str, int] = {}
        for number in range(self._tokenizer.vocab_size):
            try:
                found[self.text(number)] = number
            except _core.UnknownIdError:
                continue
        return found


def written(token: bytes) -> str:
    r"""Write a token as text, or bytes that are not UTF-8 as `<0xC3>` each.

    Examples
    --------
    >>> written(b" caf\xc3\xa9"), written(b"\xc3"), written(b"a\xe2\x82")
    (' café', '<0xC3>', 'a<0xE2><0x82>')
    """
    text = text_of(token)
    if text is not None:
        return text
    text = token.decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda found: f"<0x{ord(found[0]) - 0xDC00:02X}>", text)


def text_of(token: bytes) -> str | None:
    r"""Give the text of a token; None if its bytes are not UTF-8, such as a part of a character.

    Examples
    --------
    >>> text_of(b" caf\xc3\xa9"), text_of(b"\xc3")
    (' café', None)
    """
    try:
        return token.decode()
    except UnicodeDecodeError:
        return None


def read(text: str) -> bytes:
    r"""Give the bytes of a token that `written` wrote.

    Examples
    --------
    >>> read("a<0xE2><0x82>")
    b'a\xe2\x82'
    """
    return re.sub(
        rb"<0x([0-9A-F]{2})>", lambda found: bytes([int(found[1], 16)]), text.encode("utf-8", "surrogatepass")
    )


def id_of(tokenizer: _core.Tokenizer, token: str) -> int | None:
    """Find the id of a token: special, as `written` has it, or as a `tokenizer.json` spells it."""
    special = tokenizer.special_tokens.get(token)
    if special is not None:
        return special
    found = tokenizer.id(token.encode("utf-8", "surrogatepass"))
    if found is None and BYTE.search(token):
        found = tokenizer.id(read(token))
    if found is None:
        alphabet = byte_level_alphabet()
        if all(character in alphabet for character in token):
            found = tokenizer.id(bytes(alphabet[character] for character in token))
    return found


def special(tokenizer: _core.Tokenizer, role: str) -> int | None:
    """Find the special token of a role by its usual names."""
    specials = tokenizer.special_tokens
    return next((specials[name] for name in NAMES[role] if name in specials), None)


def byte_level_alphabet() -> dict[str, int]:
    """Bytes by the characters that GPT-2 spells them with: printable ones are themselves, the others from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}
