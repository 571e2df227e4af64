"""A step for pipelines of datatrove, in place of its `DocumentTokenizer`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from eurotok.corpus import StrPath
from eurotok.loading import load
from eurotok.shards.encoded import Encoded
from eurotok.shards.formats import Settings, named
from eurotok.shards.series import Series
from eurotok.sizes import bytes_of
from eurotok.tokenizer import Tokenizer

try:
    from datatrove.pipeline.base import PipelineStep
except ImportError as error:
    raise ImportError("this needs datatrove: pip install datatrove") from error

BATCH = 4096
"""Documents that are encoded at a time."""


class Tokens(PipelineStep):  # type: ignore[misc,unused-ignore]
    """Writes the documents of a pipeline as shards: one series for each rank, and passes the documents on.

    Parameters
    ----------
    output_folder
        A local folder.
    tokenizer
        A tokenizer, its name, or its file.
    format
        As for `eurotok.shards.write`; by default that of datatrove.
    bos, eos
        A token to put before or behind each document: the text of a special token, or an id.
    shard_size
        Bytes of ids in a shard.
    threads
        How many threads encode, for each rank.
    """

    name = "eurotok"
    type = "🔢 - TOKENIZER"

    def __init__(
        self,
        output_folder: StrPath,
        tokenizer: Tokenizer | StrPath,
        format: str = "datatrove",  # noqa: A002
        bos: str | int | None = None,
        eos: str | int | None = None,
        shard_size: int | str | None = None,
        threads: int | None = 1,
    ) -> None:
        super().__init__()
        self._folder, self._kind = Path(output_folder), named(format)
        self._tokenizer = tokenizer if isinstance(tokenizer, Tokenizer) else load(tokenizer)
        self._name = "tokenizer" if isinstance(tokenizer, Tokenizer) else str(tokenizer)
        self._bos, self._eos, self._threads = bos, eos, threads
        self._limit = self._kind.shard_size if shard_size is None else bytes_of(shard_size)

    def run(self, data: Iterable[Any] | None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:  # noqa: ARG002
        """Encode the documents of a rank."""
        size = self._tokenizer.vocab_size
        settings = Settings(self._kind.dtype(size), self._name, size)
        documents = iter(data or ())
        with Series(self._folder, self._kind, settings, rank, self._limit) as series:
            while batch := list(islice(documents, BATCH)):
                texts = [it.text for it in batch]
                encoded = self._tokenizer.encode_batch(texts, self._threads, bos=self._bos, eos=self._eos)
                series.add(Encoded(encoded.ids, encoded.offsets, [str(it.id) for it in batch]))
                for document, length in zip(batch, np.diff(encoded.offsets).tolist(), strict=True):
                    self.stat_update("tokens", value=length)
                    document.metadata["token_count"] = length
                    yield document
            series.close()
