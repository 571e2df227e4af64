"""Where tokenizers are that people name: labels, folders, the local Hugging Face cache, and tiktoken's encodings.

A name enters; a file, or the parts of a vocabulary, leave. Nothing is fetched here, but `tiktoken` fetches an encoding
that it has not kept yet.
"""

from __future__ import annotations

import base64
import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eurotok.corpus import StrPath
from eurotok.folder import FILES

OF_TIKTOKEN = re.compile(
    r"(o200k|cl100k|p50k|r50k)_\w+|(chat)?gpt-?[2-9][\w.-]*|(?i:gpt-oss)[\w.-]*|o[1-9](-[\w.-]+)?"
    r"|(text|code)-[\w.-]+|(ada|babbage|curie|cushman|davinci)(-[\w.-]+)?"
)
"""Names of encodings and models that `tiktoken` knows, as far as they can be told without it."""


@dataclass(frozen=True)
class Vocabulary:
    """The parts of a tokenizer that stands in no file of ours.

    Attributes
    ----------
    data
        A `.tiktoken` file: tokens and ranks.
    pattern
        The regex that splits text.
    special_tokens
        Special tokens and their ids.
    """

    data: bytes
    pattern: str
    special_tokens: dict[str, int]


def labelled(name: StrPath) -> tuple[str | None, str]:
    """Take the label from `NAME=PATH`; a file of that name, `=` included, has none.

    Examples
    --------
    >>> labelled("ours=runs/7/tokenizer.json"), labelled("tokenizer.json")
    (('ours', 'runs/7/tokenizer.json'), (None, 'tokenizer.json'))
    """
    text = os.fspath(name)
    label, equals, path = text.partition("=")
    if not equals or not label or not path or Path(text).exists():
        return None, text
    return label, path


def locate(name: StrPath) -> Path | Vocabulary:
    """Find a tokenizer by what people call it.

    Parameters
    ----------
    name
        In this order: a file; a folder that holds one; an encoding or a model of `tiktoken`
        (`o200k_base`, `gpt-4o`); a model in the local Hugging Face cache (`org/model`). A label (`NAME=`) is left out.

    Returns
    -------
    Path or Vocabulary
        The file, the folder, or the parts of an encoding. What is none of these is given back as a path, for the reader
        to refuse.

    Raises
    ------
    FileNotFoundError
        If it is a name of a model that `tiktoken` does not know.
    ImportError
        If it is a name of `tiktoken`, which is not installed.
    OSError
        If `tiktoken` has to fetch the encoding and cannot.
    """
    _, text = labelled(name)
    path = Path(text)
    if path.exists():
        return path
    if OF_TIKTOKEN.fullmatch(text):
        return _of_tiktoken(text)
    return next(_cached(text), path)


def _of_tiktoken(name: str) -> Vocabulary:
    try:
        import tiktoken
    except ImportError:
        raise ImportError(f"{name}: a tokenizer of tiktoken, which is not installed: pip install tiktoken") from None
    try:
        known = name in tiktoken.list_encoding_names()
        encoding: Any = tiktoken.get_encoding(name) if known else tiktoken.encoding_for_model(name)
    except KeyError:
        raise FileNotFoundError(errno.ENOENT, "no such file, and tiktoken knows no such model", name) from None
    except OSError as error:
        kept = os.environ.get("TIKTOKEN_CACHE_DIR") or "a folder that TIKTOKEN_CACHE_DIR names"
        raise ConnectionError(
            f"{name}: tiktoken fetches this tokenizer from the network the first time, and could not "
            f"({type(error).__name__}); without a network, put its file into {kept}"
        ) from error
    ranks = sorted(encoding._mergeable_ranks.items(), key=lambda it: it[1])
    data = b"".join(base64.b64encode(token) + f" {rank}\n".encode() for token, rank in ranks)
    return Vocabulary(data, encoding._pat_str, dict(encoding._special_tokens))


def _cached(name: str) -> Iterator[Path]:
    """List the folders of a model in the cache of Hugging Face, that of `main` first."""
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        return
    home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface"))
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    model = hub / f"models--{name.replace('/', '--')}"
    main = model / "refs" / "main"
    if main.is_file():
        revision = main.read_text(encoding="utf-8").strip()
        candidates = [model / "snapshots" / revision]
    else:
        candidates = []
    candidates += sorted(model.glob("snapshots/*"))
    for snapshot in candidates:
        if any((snapshot / name).is_file() for name in FILES):
            yield snapshot
