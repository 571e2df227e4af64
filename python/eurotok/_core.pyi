"""The Rust core as Python sees it. Shapes and units are those of the classes in `eurotok` that wrap it."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import disjoint_base

from eurotok.literals import Errors, Scheme, Specials

__all__ = [
    "CorpusError",
    "Counts",
    "DocumentReader",
    "Documents",
    "Error",
    "FormatError",
    "PatternError",
    "Tokenizer",
    "UnknownIdError",
    "UnsupportedError",
    "__version__",
    "checksums",
    "count_files",
    "encode_files",
    "extend",
    "file_name",
    "load",
    "read_documents",
    "read_lines",
    "schemes",
    "split",
    "train",
    "truncate",
]
__version__: str

_Bytes = bytes  # Counts have a property of this name

class Error(ValueError): ...
class FormatError(Error): ...
class UnsupportedError(Error): ...
class CorpusError(Error): ...
class PatternError(Error): ...
class UnknownIdError(Error): ...

def schemes() -> dict[str, str]: ...
def split(text: str, scheme: Scheme = "europe") -> list[str]: ...
def read_documents(path: str | os.PathLike[str], errors: Errors = "strict") -> Iterator[list[str]]: ...
def read_lines(path: str | os.PathLike[str], errors: Errors = "strict") -> Iterator[list[str]]: ...
def file_name(path: str | os.PathLike[str]) -> tuple[str, str | None, str | None]: ...  # stem, format, compression
def load(path: str, scheme: Scheme | None = None, special_tokens: dict[str, int] | None = None) -> Tokenizer: ...
def count_files(
    tokenizer: Tokenizer,
    paths: Sequence[str],
    *,
    specials: Specials = "text",
    threads: int | None = None,
    errors: Errors = "strict",
    progress: Callable[[str, int, int], Any] | None = None,
) -> tuple[int, int, int]: ...  # documents, ids, bytes of text
def encode_files(
    tokenizer: Tokenizer,
    sources: Iterable[tuple[Sequence[str], Sequence[str]]],  # files, and texts after them
    output: str | os.PathLike[str],
    offsets: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    separator: int | None = None,
    specials: Specials = "text",
    threads: int | None = None,
    errors: Errors = "strict",
    progress: Callable[[str, int, int], Any] | None = None,
) -> tuple[int, int, int]: ...  # documents, ids, bytes of text

@disjoint_base
class Tokenizer:
    def __new__(
        cls,
        data: bytes | Tokenizer,
        origin: str = ...,
        scheme: Scheme | None = None,
        special_tokens: dict[str, int] | None = None,
    ) -> Self: ...
    def encode(
        self,
        text: str,
        pair: str | None = None,
        special_tokens: bool = False,
        *,
        specials: Specials = "text",
        errors: Errors = "strict",
        bos: str | int | None = None,
        eos: str | int | None = None,
    ) -> NDArray[np.uint32]: ...
    def encode_list(
        self,
        text: str,
        pair: str | None = None,
        special_tokens: bool = False,
        *,
        specials: Specials = "text",
        errors: Errors = "strict",
        bos: str | int | None = None,
        eos: str | int | None = None,
    ) -> list[int]: ...
    def encode_with_offsets(
        self,
        text: str,
        pair: str | None = None,
        special_tokens: bool = False,
        *,
        specials: Specials = "text",
        errors: Errors = "strict",
        bos: str | int | None = None,
        eos: str | int | None = None,
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]: ...
    def _encode_batch(
        self,
        texts: Sequence[str],
        threads: int | None,
        special_tokens: bool,
        specials: Specials,
        errors: Errors,
        bos: str | int | None,
        eos: str | int | None,
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]: ...
    def count(
        self,
        text: str,
        special_tokens: bool = False,
        *,
        specials: Specials = "text",
        errors: Errors = "strict",
        bos: str | int | None = None,
        eos: str | int | None = None,
    ) -> int: ...
    def count_batch(
        self,
        texts: Sequence[str],
        threads: int | None = None,
        *,
        special_tokens: bool = False,
        specials: Specials = "text",
        errors: Errors = "strict",
        bos: str | int | None = None,
        eos: str | int | None = None,
    ) -> NDArray[np.int64]: ...
    def decode(
        self,
        ids: ArrayLike,
        *,
        errors: Errors = "replace",
        skip_specials: bool = False,
        threads: int | None = None,
    ) -> str: ...
    def decode_bytes(self, ids: ArrayLike, *, skip_specials: bool = False) -> bytes: ...
    def _decode_batch(
        self, ids: ArrayLike, offsets: NDArray[np.int64], threads: int | None, errors: Errors, skip_specials: bool
    ) -> list[str]: ...
    def split(self, text: str) -> list[str]: ...
    def token(self, id: int) -> bytes: ...
    def id(self, token: bytes) -> int | None: ...
    def to_bytes(self, format: str) -> bytes: ...
    def _spells_bytes(self) -> bool: ...
    def _is_same(self, other: Tokenizer) -> bool | None: ...
    @property
    def _stated(self) -> list[str | None]: ...
    @property
    def _steered_by(self) -> list[str]: ...
    @property
    def _skipped_ids(self) -> list[int]: ...
    def _save(self, path: str) -> None: ...
    def __len__(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def special_tokens(self) -> dict[str, int]: ...
    @property
    def merges(self) -> list[tuple[bytes, bytes]]: ...
    @property
    def scheme(self) -> str | None: ...
    @property
    def pattern(self) -> str: ...

@final
class Counts:
    def __new__(cls, scheme: Scheme, *, memory: int | None = None) -> Self: ...
    @staticmethod
    def load(path: str | os.PathLike[str], *, memory: int | None = None) -> Counts: ...
    def save(self, path: str | os.PathLike[str]) -> None: ...
    def add_files(
        self,
        language: str,
        paths: Sequence[str],
        *,
        threads: int | None = None,
        errors: Errors = "strict",
        progress: Callable[[str, int, int], Any] | None = None,
    ) -> None: ...
    def add_texts(self, language: str, texts: Sequence[str], *, threads: int | None = None) -> None: ...
    def filter(
        self, min_count: int = 1, *, languages: Sequence[str] | None = None, without: str | None = None
    ) -> Counts: ...
    def calibrate(
        self, frequencies: str | os.PathLike[str] | Mapping[str, Mapping[str, float]], strength: float
    ) -> Counts: ...
    def __add__(self, value: Counts, /) -> Counts: ...
    def __radd__(self, value: Counts, /) -> Counts: ...
    def __mul__(self, value: int, /) -> Counts: ...
    def __rmul__(self, value: int, /) -> Counts: ...
    def _repr_html_(self) -> str: ...
    def __reduce__(self) -> tuple[type[Counts], tuple[str], tuple[_Bytes, int | None]]: ...
    def __setstate__(self, state: tuple[_Bytes, int | None]) -> None: ...
    @property
    def scheme(self) -> str: ...
    @property
    def languages(self) -> list[str]: ...
    @property
    def bytes(self) -> dict[str, int]: ...
    @property
    def unique(self) -> dict[str, int]: ...

def train(
    counts: Counts,
    vocab_size: int,
    *,
    special_tokens: Sequence[str] = ...,
    shares: dict[str, float] | None = None,
    fairness: float | None = None,
    parallel: Counts | None = None,
    target: dict[str, float] | None = None,
    parity: dict[str, Any] | None = None,  # window: (size, alpha) or None, ratio, global_merges
    min_frequency: int = 2,
    max_token_length: int | None = None,
    memory: int | None = None,
    threads: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float | None = None,
    progress: Callable[[str, int, int], Any] | None = None,
    trace: Callable[[list[str], list[int], list[int], list[list[int]]], Any] | None = None,
    steered_by: Sequence[str] = ...,
) -> Tokenizer: ...
def extend(
    tokenizer: Tokenizer,
    counts: Counts,
    vocab_size: int,
    *,
    shares: dict[str, float] | None = None,
    fairness: float | None = None,
    parallel: Counts | None = None,
    target: dict[str, float] | None = None,
    min_frequency: int = 2,
    max_token_length: int | None = None,
    memory: int | None = None,
    threads: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float | None = None,
    progress: Callable[[str, int, int], Any] | None = None,
    steered_by: Sequence[str] = ...,
) -> Tokenizer: ...
def truncate(tokenizer: Tokenizer, vocab_size: int) -> Tokenizer: ...
def checksums(ids: NDArray[np.uint32], offsets: NDArray[np.int64]) -> NDArray[np.uint32]: ...

@final
class DocumentReader:
    def __new__(
        cls,
        path: str | os.PathLike[str],
        file: IO[bytes] | None = None,
        *,
        text: str = "text",
        id: str | None = None,
        columns: Sequence[str] = ...,
        lines: bool = False,
        missing: str = "error",
        errors: str = "strict",
        limit: int = ...,
    ) -> Self: ...
    def read(self, size: int, threads: int | None) -> Documents: ...
    @property
    def position(self) -> int: ...

@final
class Documents:
    @staticmethod
    def from_columns(
        texts: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        numbers: NDArray[np.int64],
        ids: Sequence[str] | None = None,
    ) -> Documents: ...
    def __len__(self) -> int: ...
    def ids(self) -> list[str]: ...
    def texts(self) -> list[str]: ...
    def hashes(self) -> NDArray[np.uint64]: ...
    def column(self, number: int) -> list[Any]: ...
    def encode(
        self,
        tokenizer: Tokenizer,
        specials: str,
        bos: str | int | None,
        eos: str | int | None,
        threads: int | None,
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]: ...
    @property
    def at_end(self) -> bool: ...
    @property
    def bytes(self) -> NDArray[np.int64]: ...
    @property
    def numbers(self) -> NDArray[np.int64]: ...
    @property
    def skipped(self) -> tuple[int, int]: ...  # missing, null
