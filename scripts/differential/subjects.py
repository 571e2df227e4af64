"""A tokenizer of ours, and a peer's with the same vocabulary."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import eurotok
from eurotok.pricing.parallel_text import SAMPLE

PUBLISHED = ("cl100k_base", "o200k_base", "llama3", "qwen3")
"""Vocabularies that `quicktok-v1` carries."""

Starts = list[int]
"""Where each token begins, in characters of the text."""


@dataclass(frozen=True)
class Subject:
    """A vocabulary as two libraries run it.

    Attributes
    ----------
    name
        The vocabulary and the library.
    tok
        Ours.
    encode
        The peer's ids of texts, and where their tokens begin.
    decode
        The peer's text of ids.
    """

    name: str
    tok: eurotok.Tokenizer
    encode: Callable[[Sequence[str]], list[tuple[list[int], Starts]]]
    decode: Callable[[list[int]], str]


def of_tiktoken(name: str, tok: eurotok.Tokenizer) -> Subject:
    """Pair a vocabulary of ranks with `tiktoken`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tiktoken"
        tok.save(path)
        lines = [line.split() for line in path.read_bytes().splitlines()]
    encoding = import_module("tiktoken").Encoding(
        name,
        pat_str=tok.pattern,
        mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in lines},
        special_tokens=tok.special_tokens,
    )

    def encode(texts: Sequence[str]) -> list[tuple[list[int], Starts]]:
        batch = encoding.encode_ordinary_batch(list(texts), num_threads=1)
        return [(ids, encoding.decode_with_offsets(ids)[1]) for ids in batch]

    return Subject(f"{name}, tiktoken", tok, encode, encoding.decode)


def of_tokenizers(name: str, tok: eurotok.Tokenizer) -> Subject:
    """Pair any vocabulary with `tokenizers`, by the `tokenizer.json` that we write."""
    peer: Any = import_module("tokenizers").Tokenizer.from_str(tok.to_bytes("json").decode())
    peer.encode_special_tokens = True  # special tokens in a text are only text, as in ours

    def encode(texts: Sequence[str]) -> list[tuple[list[int], Starts]]:
        batch = peer.encode_batch(list(texts), add_special_tokens=False)
        return [(encoding.ids, [start for start, _ in encoding.offsets]) for encoding in batch]

    return Subject(f"{name}, tokenizers", tok, encode, lambda ids: str(peer.decode(ids, skip_special_tokens=False)))


def subjects() -> Iterator[Subject]:
    """Pair all vocabularies that are at hand: published ones, a shipped one, and one trained here for each scheme."""
    try:
        quicktok = import_module("quicktok")
    except ImportError:
        print("differential: quicktok-v1 is not installed; no published vocabularies")
    else:
        for name in PUBLISHED:
            yield from _pairs(name, _published(quicktok.get_encoding(name)))
    yield from _pairs("euro-64k", eurotok.load("euro-64k"))
    for scheme in eurotok.schemes():
        tok = eurotok.train(SAMPLE, vocab_size=3000, scheme=scheme, special_tokens=["<|end|>"], progress=False)
        yield from _pairs(f"{scheme} 3k", tok)


def _published(encoding: Any) -> eurotok.Tokenizer:  # noqa: ANN401 - a library without types
    ranks = [encoding.decode_single_token_bytes(rank) for rank in range(len(encoding.token_byte_values()))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.tiktoken"
        path.write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(ranks)))
        return eurotok.load(path)


def _pairs(name: str, tok: eurotok.Tokenizer) -> Iterator[Subject]:
    try:
        yield of_tiktoken(name, tok)
    except eurotok.UnsupportedError as error:
        print(f"differential: {name} beside tokenizers alone, {error}")
    yield of_tokenizers(name, tok)
