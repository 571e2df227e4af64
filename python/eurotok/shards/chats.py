"""Chats as documents: messages of records, rendered by the tokenizer's template, with a mask of what to learn.

They answer to what the worker asks of `_core.Documents`. Templates run in Python, so that this is slower by far.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eurotok import _core
from eurotok.chat import ChatError
from eurotok.shards.encoded import Encoded
from eurotok.tokenizer import Tokenizer

NOW = datetime(2000, 1, 1)
"""The time that templates are told: the bytes of shards do not depend on the clock."""

TOOLS = "tools"
"""The field, beside the messages, of functions that the model may call."""


class Chats:
    """Some chats of an input.

    Parameters
    ----------
    path
        The input, for errors.
    place
        What its records are called: `line` or `row`.
    numbers
        The number of each record, from 1.
    chats
        The messages of each.
    tools
        The tools of each, or None.
    names
        The id of each, if there is one.
    """

    def __init__(
        self,
        path: str,
        place: str,
        numbers: Sequence[int],
        chats: Sequence[Any],
        tools: Sequence[Any],
        names: Sequence[str] | None,
    ) -> None:
        self._path, self._place, self._chats, self._tools, self._names = path, place, chats, tools, names
        self.numbers: NDArray[np.int64] = np.array(numbers, dtype=np.int64)
        for number, chat in zip(numbers, chats, strict=True):
            if not _is_chat(chat):
                raise self._fault(number, "not a list of messages, each with a role")

    def __len__(self) -> int:
        return len(self._chats)

    def _fault(self, number: int, fault: object) -> _core.CorpusError:
        return _core.CorpusError(f"{self._path}: {self._place} {number}: {fault}")

    @property
    def bytes(self) -> NDArray[np.int64]:
        """Bytes of the messages' content in UTF-8: int64, shape (documents,)."""
        return np.array([sum(map(len, _contents(chat))) for chat in self._chats], dtype=np.int64)

    def ids(self) -> list[str] | None:
        """Give the id of each chat."""
        return None if self._names is None else list(self._names)

    def hashes(self) -> NDArray[np.uint64]:
        """Give the first 64 bits of the SHA-256 of each id, or of the messages as JSON without ids."""
        names = self._names
        if names is None:
            names = [json.dumps(chat, ensure_ascii=False, sort_keys=True) for chat in self._chats]
        digests = (hashlib.sha256(it.encode("utf-8", "surrogatepass")).digest() for it in names)
        return np.array([int.from_bytes(it[:8]) for it in digests], dtype=np.uint64)

    def encode(self, tokenizer: Tokenizer, template: str) -> tuple[NDArray[np.uint32], Any, NDArray[np.int64]]:
        """Render and encode: ids, their mask as uint8, and where each chat begins."""
        ids, masks, offsets = [np.empty(0, np.uint32)], [np.empty(0, np.uint8)], [0]
        for number, chat, tools in zip(self.numbers.tolist(), self._chats, self._tools, strict=True):
            try:
                own, mask = tokenizer.chat(chat, tools, mask=True, template=template, now=NOW)
            except ChatError as error:
                raise self._fault(number, error) from None
            ids.append(own)
            masks.append(mask.astype(np.uint8))
            offsets.append(offsets[-1] + own.size)
        return np.concatenate(ids), np.concatenate(masks), np.array(offsets, dtype=np.int64)


def encode(chats: Chats, tokenizer: Tokenizer, template: str, source: str) -> Encoded:
    """Encode chats as documents with masks."""
    ids, masks, offsets = chats.encode(tokenizer, template)
    return Encoded(ids, offsets, chats.ids(), chats.numbers, source, masks)


def _is_chat(chat: object) -> bool:
    return isinstance(chat, list) and all(isinstance(it, dict) and isinstance(it.get("role"), str) for it in chat)


def _contents(chat: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    for message in chat:
        content = message.get("content")
        parts = content if isinstance(content, list) else [content]
        for part in parts:
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(text, str):
                yield text.encode("utf-8", "surrogatepass")


def field_of(record: object, path: str) -> tuple[bool, Any]:
    """Follow a dotted path into a record: whether there is such a field, and its value."""
    for name in path.split("."):
        if not isinstance(record, dict) or name not in record:
            return False, None
        record = record[name]
    return True, record


def tools_of(record: object, path: str) -> Any:  # noqa: ANN401
    """Give the tools that stand beside the messages."""
    parent, _, _ = path.rpartition(".")
    return field_of(record, f"{parent}.{TOOLS}" if parent else TOOLS)[1] or None
