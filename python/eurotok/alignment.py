"""From one vocabulary to another: the old ids that the embedding of each new id starts from.

A token of the new vocabulary that the old one has keeps its embedding. Any other starts from the tokens that the old
tokenizer cuts it into: from their mean, or weighted by their share of its bytes, as FOCUS (Dobler and de Melo, 2023)
weights by similarity. A random embedding has to be learned from nothing; a mean begins near the token's meaning.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eurotok.corpus import StrPath
from eurotok.files import check_outputs, replacing
from eurotok.tokenizer import Tokenizer
from eurotok.vocabulary import text_of


@dataclass(frozen=True, eq=False)
class Alignment:
    """A sparse matrix of weights, shape (new entries, old entries), in compressed rows.

    Row i has the weights `weights[indptr[i]:indptr[i + 1]]` in the columns `indices[indptr[i]:indptr[i + 1]]`; they add
    up to 1, or there are none if nothing is known of the token.

    Attributes
    ----------
    indptr
        int64, shape (new entries + 1,).
    indices
        int64, shape (weights,): old ids.
    weights
        float32, shape (weights,).
    shape
        New entries, old entries.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    weights: NDArray[np.float32]
    shape: tuple[int, int]

    @property
    def kept(self) -> int:
        """How many tokens the old vocabulary has, too."""
        single = np.diff(self.indptr) == 1
        return int(np.count_nonzero(single))

    def __repr__(self) -> str:
        return f"Alignment({self.shape[0]} new entries, {self.shape[1]} old entries, {self.kept} kept)"

    def apply(self, embeddings: NDArray[Any]) -> NDArray[np.float32]:
        """Give the new embeddings: float32, shape (new entries, width), from old ones of shape (old entries, width).

        Rows without weights are the mean of all old embeddings.

        Raises
        ------
        ValueError
            If there are fewer embeddings than old entries.
        """
        if embeddings.shape[0] < self.shape[1]:
            raise ValueError(f"embeddings: {embeddings.shape[0]} rows for {self.shape[1]} old entries")
        made = np.zeros((self.shape[0], embeddings.shape[1]), np.float32)
        rows = np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))
        np.add.at(made, rows, self.weights[:, None] * embeddings[self.indices])
        made[np.diff(self.indptr) == 0] = embeddings[: self.shape[1]].mean(axis=0)
        return made

    def save(self, path: StrPath) -> None:
        """Write the matrix: as `.npz`, which `scipy.sparse.load_npz` reads, or as `.safetensors`.

        Raises
        ------
        ValueError
            If the name ends otherwise.
        ImportError
            If it is `.safetensors` and that library is absent.
        """
        name = os.fspath(path)
        check_outputs([path])
        if name.endswith(".npz"):
            with replacing(path) as file:
                parts: dict[str, Any] = {"indptr": self.indptr, "indices": self.indices, "data": self.weights}
                np.savez(file, **parts, shape=np.array(self.shape), format=np.array(b"csr"))
        elif name.endswith(".safetensors"):
            try:
                from safetensors.numpy import save
            except ImportError as error:
                raise ImportError("writing .safetensors needs that library: pip install safetensors") from error
            tensors = {"indptr": self.indptr, "indices": self.indices, "weights": self.weights}
            with replacing(path) as file:
                file.write(save(tensors, {"rows": str(self.shape[0]), "columns": str(self.shape[1])}))
        else:
            raise ValueError(f"{name}: the name of an alignment ends in .npz or .safetensors")


def align(old: Tokenizer, new: Tokenizer, by: Literal["mean", "overlap"] = "mean") -> Alignment:
    """Tell, for every id of a new vocabulary, the old ids that its embedding starts from, and their weights.

    Parameters
    ----------
    old, new
        The tokenizers.
    by
        `"mean"`: all old tokens of a new one weigh alike; `"overlap"`: by their bytes.

    Returns
    -------
    Alignment

    Raises
    ------
    ValueError
        If `by` is neither.

    Examples
    --------
    >>> import eurotok
    >>> old = eurotok.train(["der die das"], vocab_size=256, special_tokens=[])
    >>> new = eurotok.extend(old, ["der die das"] * 9, vocab_size=258)
    >>> align(old, new)
    Alignment(258 new entries, 256 old entries, 256 kept)
    """
    if by not in ("mean", "overlap"):
        raise ValueError(f"by: {by!r} is neither 'mean' nor 'overlap'")
    rows = [_row(old, new, number) for number in range(new.vocab_size)]
    weights = [_weights(old, row, by) for row in rows]
    indptr = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    indices = np.array([number for row in rows for number in row], np.int64)
    flat = np.concatenate([np.zeros(0, np.float32), *weights])
    return Alignment(indptr, indices, flat.astype(np.float32), (new.vocab_size, old.vocab_size))


def _row(old: Tokenizer, new: Tokenizer, number: int) -> list[int]:
    try:
        token = new.token(number)
    except ValueError:
        return []
    found = old.id(token)
    if found is not None:
        return [found]
    text = text_of(token)
    if text is not None:
        return old.encode_list(text)
    found_of_bytes = [old.id(bytes([byte])) for byte in token]
    return [each for each in found_of_bytes if each is not None]


def _weights(old: Tokenizer, row: list[int], by: str) -> NDArray[np.float32]:
    sizes = [len(old.token(number)) if by == "overlap" else 1 for number in row]
    return (np.array(sizes) / max(1, sum(sizes))).astype(np.float32)
