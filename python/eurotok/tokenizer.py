"""Tokenizers from files and to files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from numpy.typing import ArrayLike

from eurotok import _core
from eurotok.ragged import Ragged

StrPath = str | os.PathLike[str]


class Tokenizer(_core.Tokenizer):
    """A byte-level BPE tokenizer: text to ids and back, without loss.

    Made by `eurotok.load` and `eurotok.train`; immutable, shared freely between threads and processes. Two are equal
    if all their parts are.

    Parameters
    ----------
    data
        The contents of a `tokenizer.json`, `.tiktoken` or `.eurotok` file; or a tokenizer, whose parts are then shared.
    origin
        What errors call it.
    scheme
        The splitting rule, for a `.tiktoken` file, which states none: a name of `eurotok.schemes()` or a regex.
    special_tokens
        Ids of special tokens, for a `.tiktoken` file, which states none.

    Examples
    --------
    >>> import eurotok
    >>> tok = eurotok.train(["ein Haus, zwei Häuser", "kein Haus"], vocab_size=262)
    >>> tok.decode(tok.encode("Häuser"))
    'Häuser'
    >>> tok.count("ein Haus")
    2
    """

    def encode_batch(self, texts: Sequence[str], threads: int | None = None, *, specials: str = "text") -> Ragged:
        """Encode many texts on several threads.

        Parameters
        ----------
        texts
            The texts.
        threads
            How many threads to use; by default all cores. The result does not depend on it.
        specials
            As for `encode`: what to do with special tokens that occur in a text.

        Returns
        -------
        Ragged
            The ids of every text, in order.
        """
        return Ragged(*self._encode_batch(texts, threads, specials))

    def decode_batch(
        self,
        batch: Ragged | Iterable[ArrayLike],
        threads: int | None = None,
        *,
        errors: str = "replace",
        skip_specials: bool = False,
    ) -> list[str]:
        """Decode the ids of many texts on several threads.

        Parameters
        ----------
        batch
            A `Ragged`, or the ids of each text.
        threads
            How many threads to use; by default all cores.
        errors
            `"replace"` to put U+FFFD where bytes are not UTF-8, or `"strict"`.
        skip_specials
            Whether to leave out special tokens.

        Returns
        -------
        list[str]
            The texts, in order.

        Raises
        ------
        UnknownIdError
            If an id is not in the vocabulary.
        """
        ragged = batch if isinstance(batch, Ragged) else Ragged.from_lists(batch)
        return self._decode_batch(ragged.ids, ragged.offsets, threads, errors, skip_specials)

    def save(self, path: StrPath) -> None:
        """Write the tokenizer to a file, whole or not at all.

        Parameters
        ----------
        path
            Ends in `.json` (a `tokenizer.json`), `.tiktoken` or `.eurotok` (compact, loads fastest). Beside a
            `.tiktoken` file, which holds tokens only, `<path>.json` takes the pattern and the special tokens.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        UnsupportedError
            If the format cannot hold this tokenizer exactly.
        OSError
            If the file cannot be written; nothing is left behind.
        """
        self._save(os.fspath(path))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tokenizer):
            return NotImplemented
        return self is other or self.to_bytes("eurotok") == other.to_bytes("eurotok")

    def __hash__(self) -> int:
        return hash((self.vocab_size, self.pattern))

    def __repr__(self) -> str:
        rule = f"scheme={self.scheme!r}" if self.scheme else f"pattern={self.pattern!r}"
        return f"Tokenizer(vocab_size={self.vocab_size}, {rule}, special_tokens={len(self.special_tokens)})"

    def __reduce__(self) -> tuple[type[Self], tuple[bytes, str]]:
        return type(self), (self.to_bytes("eurotok"), "pickled tokenizer")


def load(path: StrPath, scheme: str | None = None, special_tokens: Mapping[str, int] | None = None) -> Tokenizer:
    """Load a tokenizer from a file; its format is recognised by its content.

    Parameters
    ----------
    path
        A `tokenizer.json` with a byte-level BPE model, a `.tiktoken`, `.eurotok` or Tekken JSON file.
    scheme
        The splitting rule of a `.tiktoken` file: a name of `eurotok.schemes()` or a regex. By default as
        `<path>.json` says, which `Tokenizer.save` writes; published vocabularies are known by their content.
    special_tokens
        Special tokens of a `.tiktoken` file and their ids. By default as the scheme.

    Returns
    -------
    Tokenizer

    Raises
    ------
    OSError
        If the file cannot be read.
    FormatError
        If the file contradicts itself or its format; the message names the token or merge at fault.
    UnsupportedError
        If the file asks for something that cannot be reproduced exactly; the message says what.
    """
    specials = None if special_tokens is None else dict(special_tokens)
    return Tokenizer(_core.load(os.fspath(path), scheme, specials))
