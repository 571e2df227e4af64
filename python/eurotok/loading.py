"""Tokenizers by name, from files and from folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from eurotok import _core, folder
from eurotok.corpus import StrPath
from eurotok.literals import Scheme
from eurotok.published import Vocabulary, labelled, locate
from eurotok.sequences import several
from eurotok.suggestions import did_you_mean
from eurotok.tokenizer import Tokenizer

MODELS = Path(__file__).parent / "models"
"""The shipped tokenizers, and a card of each."""


def models() -> list[str]:
    """Name the shipped tokenizers, which `load` takes by name, from the smallest to the largest.

    What each is made of and what it costs in each language stands in a card, `models/<name>.md` in the package.

    Examples
    --------
    >>> models()
    ['euro-64k', 'euro-128k', 'euro-200k', 'euro-256k']
    >>> load("euro-64k").vocab_size
    65536
    """
    return [path.stem for path in sorted(MODELS.glob("*.eurotok"), key=lambda path: path.stat().st_size)]


def load(path: StrPath, scheme: Scheme | None = None, special_tokens: Mapping[str, int] | None = None) -> Tokenizer:
    """Load a tokenizer by its name, or from a file, whose format is recognised by its content.

    Parameters
    ----------
    path
        A name of `models()`; or a `tokenizer.json` of any model, a `.tiktoken`, `.eurotok` or Tekken JSON file; a
        folder that holds a tokenizer and what belongs to it; a name of `tiktoken`, if that is installed
        (`o200k_base`, `gpt-4o`); or a model in the local Hugging Face cache (`org/model`). A shipped name comes before
        a file of that name, which is meant by `./<name>`. `NAME=PATH` is as `PATH`.
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
    ImportError
        If it is a name of `tiktoken`, which is not installed.
    FormatError
        If the file contradicts itself or its format; the message names the token or merge at fault.
    UnsupportedError
        If the file asks for something that cannot be reproduced exactly; the message says what.
    """
    _, name = labelled(path)
    specials = None if special_tokens is None else dict(several("special_tokens", special_tokens))
    if name not in models() and name.casefold() in models() and not Path(name).exists():
        name = name.casefold()
    if name in models():
        tokenizer = Tokenizer(_core.load(os.fspath(MODELS / f"{name}.eurotok"), scheme, specials))
        tokenizer.chat_template = (MODELS / "chat.jinja").read_text(encoding="utf-8")
        tokenizer.card = MODELS / f"{name}.md"
        return tokenizer
    found = locate(name)
    if isinstance(found, Vocabulary):
        return Tokenizer(found.data, name, scheme or found.pattern, specials or found.special_tokens)
    if found.is_dir():
        return _of_folder(found, scheme, specials)
    try:
        return Tokenizer(_core.load(os.fspath(found), scheme, specials))
    except FileNotFoundError as error:
        if Path(name).name != name or Path(name).suffix:
            raise
        reason = (
            f"no such file, and no shipped tokenizer (these are {', '.join(models())}){did_you_mean(name, models())}"
        )
        raise FileNotFoundError(error.errno, reason, name) from None


def _of_folder(path: Path, scheme: str | None, specials: dict[str, int] | None) -> Tokenizer:
    found = folder.find(path)
    if found.data is not None:
        tokenizer = Tokenizer(found.data, str(path), scheme, specials)
    else:
        beside = Path(f"{found.path}.json").exists()
        specials = found.special_tokens if specials is None and not beside else specials
        tokenizer = Tokenizer(_core.load(os.fspath(found.path), scheme, specials))
    tokenizer.stated_roles = folder.check(found, tokenizer.special_tokens)
    tokenizer.chat_template = found.statement.chat_template
    return tokenizer
