"""The description of a folder of shards: `manifest.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eurotok._core import FormatError
from eurotok.shards.output import json_bytes, put_bytes

KIND = "eurotok shards 1"
NAME = "manifest.json"

Count = dict[str, Any]
"""`documents`, `tokens` and `bytes` of a `source` and `language`."""


@dataclass(frozen=True)
class Manifest:
    """Everything that is known of a folder of shards.

    Attributes
    ----------
    folder
        Where it stands.
    format, dtype
        The format, and the integers of the ids.
    tokenizer
        `name`, `sha256` and `vocab_size`.
    shards
        For each: `name`, `documents`, `tokens`, `files` (with `bytes` and `sha256`), `sums` (its checksums), and
        `segments`: pairs of an input's place (-1: not told) and a number of documents, in order.
    inputs
        For each: `path`, `bytes`, `sha256`, `source`, `language`.
    counts
        Documents, tokens and bytes of text by source and language.
    skipped
        Records that are in no shard: `missing`, `null`, `filtered`.
    options
        The options of the run.
    """

    folder: Path
    format: str
    dtype: str
    tokenizer: dict[str, Any]
    shards: list[dict[str, Any]]
    inputs: list[dict[str, Any]] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def documents(self) -> int:
        """The number of documents."""
        return sum(it["documents"] for it in self.shards)

    @property
    def tokens(self) -> int:
        """The number of ids."""
        return sum(it["tokens"] for it in self.shards)

    @property
    def bytes(self) -> int:
        """Bytes of the text in UTF-8."""
        return sum(it["bytes"] for it in self.counts)

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """All files of shards: `bytes` and `sha256` by name."""
        return {name: about for shard in self.shards for name, about in shard["files"].items()}

    def to_json(self) -> dict[str, Any]:
        """Give the content of the file."""
        return {
            "kind": KIND,
            "format": self.format,
            "dtype": self.dtype,
            "tokenizer": self.tokenizer,
            "documents": self.documents,
            "tokens": self.tokens,
            "bytes": self.bytes,
            "counts": self.counts,
            "skipped": self.skipped,
            "inputs": self.inputs,
            "options": self.options,
            "shards": self.shards,
        }

    def save(self) -> None:
        """Write it to its folder, whole or not at all."""
        put_bytes(self.folder / NAME, json_bytes(self.to_json()))

    def numpy_dtype(self) -> np.dtype[Any]:
        """Give the integers of the ids."""
        return np.dtype(self.dtype).newbyteorder("<")


def load(folder: Path) -> Manifest:
    """Read the manifest of a folder.

    Raises
    ------
    FileNotFoundError
        If it has none.
    FormatError
        If it is none of this version.
    """
    path = folder / NAME
    try:
        data = json.loads(path.read_bytes())
        if data["kind"] != KIND:
            raise ValueError
        keys = ("format", "dtype", "tokenizer", "shards", "inputs", "counts", "skipped", "options")
        return Manifest(folder, **{key: data[key] for key in keys})
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: not a manifest of this version") from error


def sum_counts(counts: Iterable[Mapping[str, Any]]) -> list[Count]:
    """Add up counts of the same source and language, in the order of these."""
    total: dict[tuple[str, str], Count] = {}
    for it in counts:
        key = (it["source"], it["language"])
        own = total.setdefault(key, {"source": key[0], "language": key[1], "documents": 0, "tokens": 0, "bytes": 0})
        for name in ("documents", "tokens", "bytes"):
            own[name] += it[name]
    return [total[key] for key in sorted(total)]
