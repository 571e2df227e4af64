"""How each encoder is loaded and called: the fastest way that its public interface offers, to ids of text as text."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SCHEME = "o200k"

Ids = Any
"""Whatever holds ids: an array or a list."""


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary of the scheme `o200k` in a folder: `<name>.tiktoken`, `<name>.json`, `<name>.eurotok`."""

    name: str
    folder: str
    pattern: str
    specials: dict[str, int]

    @property
    def tiktoken(self) -> str:
        """Its ranks."""
        return f"{self.folder}/{self.name}.tiktoken"

    @property
    def json(self) -> str:
        """Its `tokenizer.json`."""
        return f"{self.folder}/{self.name}.json"

    @property
    def eurotok(self) -> str:
        """Its compact form."""
        return f"{self.folder}/{self.name}.eurotok"


@dataclass(frozen=True)
class Ways:
    """Ways into an engine that is loaded; None where it has none."""

    encode: Callable[[str], Ids] | None = None
    batch: Callable[[list[str]], Any] | None = None
    rows: Callable[[Any], Iterable[Ids]] = iter
    """The ids of each document, from what `batch` returns."""
    encode_list: Callable[[str], list[int]] | None = None
    count: Callable[[str], int] | None = None
    decode: Callable[[Any], str] | None = None
    decodes: Callable[[Sequence[int]], Any] = list
    """Ids in the form in which `decode` takes them fastest."""
    split: Callable[[str], list[str]] | None = None

    def require(self, name: str) -> Callable[..., Any]:
        """A way by its name.

        Raises
        ------
        LookupError
            If the engine has none.
        """
        way: Callable[..., Any] | None = getattr(self, name)
        if way is None:
            raise LookupError(f"has no {name}")
        return way


class Engine(NamedTuple):
    """An encoder: its name on PyPI, how to load it from each kind of file, and its ways on so many threads."""

    package: str
    module: str
    loaders: Mapping[str, Callable[[Any, Vocabulary], Any]]
    ways: Callable[[Any, int], Ways]
    path: str | None = None
    """A folder of its own, beside the others in the virtual environment, for a second version of a package."""


def _array(ids: Sequence[int]) -> Any:
    return np.asarray(ids, dtype=np.uint32)


def _eurotok(tok: Any, threads: int) -> Ways:
    return Ways(
        encode=tok.encode,
        batch=lambda texts: tok.encode_batch(texts, threads),
        encode_list=tok.encode_list,
        count=tok.count,
        decode=tok.decode,
        decodes=_array,
        split=tok.split,
    )


def _gigatoken(tok: Any, threads: int) -> Ways:
    backend = tok.backend  # without the frame of the wrapper in Python

    def rows(batch: Any) -> Iterable[Ids]:
        return np.split(batch.layout.content.data, batch.layout.offsets.data[1:-1])

    return Ways(
        encode=backend.encode,
        batch=lambda texts: backend.encode_batch(texts, parallel=threads > 1),
        rows=rows,
        decode=lambda ids: backend.decode(ids).decode(),
        decodes=_array,
    )


def _tokenizers(tok: Any, _threads: int) -> Ways:
    tok.encode_special_tokens = True
    pre_tokenize = tok.pre_tokenizer.pre_tokenize_str
    return Ways(
        encode=lambda text: tok.encode(text).ids,
        batch=lambda texts: [encoding.ids for encoding in tok.encode_batch_fast(texts)],
        encode_list=lambda text: tok.encode(text).ids,
        decode=lambda ids: tok.decode(ids, skip_special_tokens=False),
        split=lambda text: [text[start:end] for _, (start, end) in pre_tokenize(text)],
    )


def _tokenizers_rc(tok: Any, _threads: int) -> Ways:
    return Ways(
        encode=lambda text: tok.encode(text, encode_special_tokens=True).ids,
        batch=lambda texts: [encoding.ids for encoding in tok.encode_batch(texts, encode_special_tokens=True)],
        encode_list=lambda text: tok.encode(text, encode_special_tokens=True).ids,
        decode=lambda ids: tok.decode(ids, skip_special_tokens=False),
    )


def _load_tiktoken(module: Any, vocabulary: Vocabulary) -> Any:
    lines = Path(vocabulary.tiktoken).read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
    return module.Encoding(
        vocabulary.name, pat_str=vocabulary.pattern, mergeable_ranks=ranks, special_tokens=vocabulary.specials
    )


def _tiktoken(tok: Any, threads: int) -> Ways:
    return Ways(
        encode=lambda text: tok.encode_to_numpy(text, disallowed_special=()),
        batch=lambda texts: tok.encode_ordinary_batch(texts, num_threads=threads),
        encode_list=tok.encode_ordinary,
        decode=tok.decode,
    )


def _bundled(load: Callable[[Any], Any]) -> Callable[[Any, Vocabulary], Any]:
    """Make a loader of the vocabulary that an engine brings along: there is no way to give it another."""

    def load_bundled(module: Any, vocabulary: Vocabulary) -> Any:
        if vocabulary.name != "o200k":
            raise LookupError(f"reads its own vocabularies only, not {vocabulary.name}")
        return load(module)

    return load_bundled


def _quicktok(tok: Any, threads: int) -> Ways:
    def rows(batch: Any) -> Iterable[Ids]:
        ids, offsets = batch
        return np.split(ids, offsets[1:-1])

    return Ways(
        encode=tok.encode_ordinary,
        batch=lambda texts: tok.encode_batch(texts, threads),
        rows=rows,
        encode_list=tok.encode_ordinary,
        count=tok.count,
        decode=tok.decode,
    )


def _tokie(tok: Any, _threads: int) -> Ways:
    return Ways(
        encode=lambda text: tok.encode(text, add_special_tokens=False).ids,
        batch=lambda texts: [encoding.ids for encoding in tok.encode_batch(texts, add_special_tokens=False)],
        encode_list=lambda text: tok.encode(text, add_special_tokens=False).ids,
        count=tok.count_tokens,
        decode=tok.decode,
    )


def _load_splintr(module: Any, vocabulary: Vocabulary) -> Any:
    return module.Tokenizer(vocabulary.tiktoken, vocabulary.pattern, vocabulary.specials)


def _splintr(tok: Any, _threads: int) -> Ways:
    def rows(batch: tuple[bytes, bytes]) -> Iterable[Ids]:
        ids = np.frombuffer(batch[0], dtype=np.uint32)
        return np.split(ids, np.frombuffer(batch[1], dtype=np.uint64)[1:-1].astype(np.int64))

    return Ways(
        encode=lambda text: np.frombuffer(tok.encode_flat(text), dtype=np.uint32),
        batch=tok.encode_batch_flat,
        rows=rows,
        encode_list=tok.encode_ordinary,
        decode=tok.decode,
    )


def _bpe_openai(tok: Any, threads: int) -> Ways:
    return Ways(
        encode=tok.encode_ordinary,
        batch=lambda texts: tok.encode_ordinary_batch(texts, num_threads=threads),
        encode_list=tok.encode_ordinary,
        decode=tok.decode,
    )


def _rs_bpe(tok: Any, threads: int) -> Ways:
    options = import_module("rs_bpe.bpe").openai.ParallelOptions(min_batch_size=1, chunk_size=64, max_threads=threads)
    return Ways(
        encode=tok.encode,
        batch=lambda texts: tok.encode_batch_parallel(texts, options)[0],
        encode_list=tok.encode,
        count=tok.count,
        decode=tok.decode,
    )


def _load_regex(module: Any, vocabulary: Vocabulary) -> Any:
    return module.compile(vocabulary.pattern)


ENGINES: dict[str, Engine] = {
    "eurotok": Engine(
        "eurotok",
        "eurotok",
        {
            "tiktoken": lambda module, vocabulary: module.load(vocabulary.tiktoken, SCHEME, vocabulary.specials),
            "tokenizer.json": lambda module, vocabulary: module.load(vocabulary.json),
            "own format": lambda module, vocabulary: module.load(vocabulary.eurotok),
        },
        _eurotok,
    ),
    "gigatoken": Engine(
        "gigatoken",
        "gigatoken",
        {
            "tiktoken": lambda module, vocabulary: module.Tokenizer.from_tiktoken(
                vocabulary.tiktoken, SCHEME, vocabulary.specials
            ),
            "tokenizer.json": lambda module, vocabulary: module.Tokenizer(vocabulary.json),
        },
        _gigatoken,
    ),
    "tiktoken": Engine("tiktoken", "tiktoken", {"tiktoken": _load_tiktoken}, _tiktoken),
    "tokenizers": Engine(
        "tokenizers",
        "tokenizers",
        {"tokenizer.json": lambda module, vocabulary: module.Tokenizer.from_file(vocabulary.json)},
        _tokenizers,
    ),
    "tokenizers-rc": Engine(
        "tokenizers",
        "tokenizers",
        {"tokenizer.json": lambda module, vocabulary: module.Tokenizer.from_file(vocabulary.json)},
        _tokenizers_rc,
        path="peers/tokenizers-rc",
    ),
    "quicktok": Engine(
        "quicktok-v1",
        "quicktok",
        {"own format": _bundled(lambda module: module.get_encoding("o200k_base"))},
        _quicktok,
    ),
    "tokie": Engine(
        "tokie",
        "tokie",
        {"tokenizer.json": lambda module, vocabulary: module.Tokenizer.from_json(vocabulary.json)},
        _tokie,
    ),
    "splintr": Engine("splintr-rs", "splintr", {"tiktoken": _load_splintr}, _splintr),
    "bpe-openai": Engine(
        "bpe-openai",
        "bpe_openai",
        {"own format": _bundled(lambda module: module.get_encoding("o200k_base"))},
        _bpe_openai,
    ),
    "rs-bpe": Engine(
        "rs-bpe", "rs_bpe.bpe", {"own format": _bundled(lambda module: module.openai.o200k_base())}, _rs_bpe
    ),
    "regex": Engine("regex", "regex", {"pattern": _load_regex}, lambda tok, _: Ways(split=tok.findall)),
}

JUDGES = ("tiktoken", "regex", "tokenizers")
"""Whose answer is right, the first of them that has one: the vocabularies and the patterns are theirs."""


def load(name: str, vocabulary: Vocabulary, threads: int, kind: str | None = None) -> Ways:
    """Import an engine and load the vocabulary from a kind of file, by default its first."""
    engine = ENGINES[name]
    handle = engine.loaders[kind or next(iter(engine.loaders))](import_module(engine.module), vocabulary)
    return engine.ways(handle, threads)
