"""Tokenizers from files and to files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from numpy.typing import ArrayLike

from eurotok import _core
from eurotok.files import replacing
from eurotok.ragged import Ragged

StrPath = str | os.PathLike[str]

FORMATS = {".json": "tokenizer.json", ".tiktoken": "tiktoken", ".eurotok": "eurotok"}
"""The format that a file is written in, by the end of its name."""


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
    >>> tok.count("Häuser")
    4
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
        kind = format_of(path)
        contents = {os.fspath(path): self.to_bytes(kind)}
        if kind == "tiktoken":
            contents[_sidecar(path)] = self.to_bytes("tiktoken-sidecar")
        with ExitStack() as stack:
            for name, content in contents.items():
                stack.enter_context(replacing(name)).write(content)

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
        A `tokenizer.json` with a byte-level BPE model, a `.tiktoken` file, or a `.eurotok` file.
    scheme
        The splitting rule of a `.tiktoken` file: a name of `eurotok.schemes()` or a regex. By default as
        `<path>.json` says, which `Tokenizer.save` writes, or as the file is called: `cl100k_base.tiktoken` splits by
        `cl100k`.
    special_tokens
        Special tokens of a `.tiktoken` file and their ids. By default as `<path>.json` says.

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
    origin = os.fspath(path)
    data = Path(path).read_bytes()
    specials = None if special_tokens is None else dict(special_tokens)
    sidecar = Path(_sidecar(path))
    if sidecar.suffixes[-2:] == [".tiktoken", ".json"] and (scheme is None or specials is None):
        if sidecar.is_file():
            stated_scheme, stated_specials = _read_sidecar(sidecar)
            scheme = scheme or stated_scheme
            specials = stated_specials if specials is None else specials
        elif scheme is None:
            name = Path(path).stem.removesuffix("_base")
            scheme = name if name in _core.schemes() else None
    return Tokenizer(data, origin, scheme, specials)


def format_of(path: StrPath) -> str:
    """Tell which format a file is written in, by the end of its name.

    Raises
    ------
    ValueError
        If the name has no known end.
    """
    kind = FORMATS.get(Path(path).suffix)
    if kind is None:
        raise ValueError(f"{os.fspath(path)}: the name must end in {', '.join(FORMATS)} to say the format")
    return kind


def _sidecar(path: StrPath) -> str:
    return os.fspath(path) + ".json"


def _read_sidecar(path: Path) -> tuple[str, dict[str, int]]:
    try:
        content = json.loads(path.read_bytes())
        pattern, specials = content["pattern"], content["special_tokens"]
    except (ValueError, KeyError, TypeError) as error:
        raise _core.FormatError(f"{path}: not the companion of a .tiktoken file: {error}") from error
    if not isinstance(pattern, str) or not isinstance(specials, dict):
        raise _core.FormatError(f"{path}: not the companion of a .tiktoken file: wrong types")
    return pattern, specials
