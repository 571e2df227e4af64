"""A function for `datasets.Dataset.map` that is the same in every process, so that its cache is found again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from eurotok.corpus import StrPath
from eurotok.loading import load
from eurotok.tokenizer import Tokenizer


class Tokenize:
    """Adds the ids of a column of texts: `dataset.map(Tokenize("euro-64k"), batched=True)`.

    `datasets` names the files of its cache by a hash of the function's pickle. The hash of this function depends only
    on the tokenizer's content and the options: not on paths, addresses or texts encoded before.

    Parameters
    ----------
    tokenizer
        A tokenizer, its name, or its file.
    text
        The column of the texts.
    column
        The column of the ids.
    bos, eos
        A token to put before or behind each text: the text of a special token, or an id.
    threads
        How many threads encode; by default all cores. The hash does not depend on it.

    Examples
    --------
    >>> tokenize = Tokenize("euro-64k", eos=0)
    >>> int(tokenize({"text": ["Grüße"]})["input_ids"][0][-1])
    0
    """

    def __init__(
        self,
        tokenizer: Tokenizer | StrPath,
        text: str = "text",
        column: str = "input_ids",
        bos: str | int | None = None,
        eos: str | int | None = None,
        threads: int | None = None,
    ) -> None:
        self._tokenizer = tokenizer if isinstance(tokenizer, Tokenizer) else load(tokenizer)
        self._text, self._column, self._bos, self._eos, self._threads = text, column, bos, eos, threads

    def __call__(self, batch: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
        """Encode the texts of a batch."""
        encoded = self._tokenizer.encode_batch(list(batch[self._text]), self._threads, bos=self._bos, eos=self._eos)
        return {self._column: list(encoded)}

    def __getstate__(self) -> dict[str, Any]:
        data = self._tokenizer.to_bytes("eurotok")
        return {
            "data": data,
            "sha256": hashlib.sha256(data).hexdigest(),
            "options": (self._text, self._column, self._bos, self._eos),
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        threads = int(os.environ.get("OMP_NUM_THREADS", "0")) or None
        self.__init__(Tokenizer(state["data"], "pickled tokenizer"), *state["options"], threads)  # type: ignore[misc]
