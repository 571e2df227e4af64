"""`verify`: whether a folder of shards is as it was written, and which document is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eurotok._core import FormatError
from eurotok.corpus import StrPath
from eurotok.shards.formats import Format, named, recognise
from eurotok.shards.manifest import NAME, Manifest, load
from eurotok.shards.output import sha256_of
from eurotok.shards.series import SUMS

STEP = 1 << 22
"""Ids that are checked at a time."""


def verify(folder: StrPath, *, format: str | None = None) -> list[str]:  # noqa: A002
    """Check all shards in a folder and in the folders within.

    With a manifest, every file must have its bytes; where one has not, the checksums of documents tell which of these
    changed. Without one, as other tools write shards, their structure is checked: lengths, pointers and last entries.

    Parameters
    ----------
    folder
        The folder.
    format
        The format, where no manifest tells it and the files do not.

    Returns
    -------
    list[str]
        The faults, one sentence each, with file and document; empty if all is well.

    Raises
    ------
    FormatError
        If there are no shards.
    FileNotFoundError
        If the folder does not exist.
    """
    root = Path(folder)
    found = sorted(path.parent for path in root.rglob(NAME) if ".eurotok" not in path.relative_to(root).parts)
    if not found:
        next(root.iterdir(), None)
        kind = named(format) if format else recognise(root)
        return [fault for path in kind.find(root) for fault in kind.check(path)]
    return [fault for it in found for fault in _check(it)]


def _check(folder: Path) -> list[str]:
    try:
        manifest = load(folder)
    except FormatError as error:
        return [str(error)]
    kind, faults = named(manifest.format), []
    expected = set(manifest.files)
    faults += [f"{path}: not in the manifest" for path in kind.find(folder) if path.name not in expected]
    for shard in manifest.shards:
        damaged = [fault for name, about in shard["files"].items() if (fault := _differs(folder / name, about))]
        if damaged:
            faults += damaged
            faults += _name_documents(folder, manifest, kind, shard)
    return faults


def _differs(path: Path, about: dict[str, Any]) -> str | None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return f"{path}: missing"
    if size != about["bytes"]:
        return f"{path}: {size:,} bytes, not the {about['bytes']:,} that were written"
    if sha256_of(path) != about["sha256"]:
        return f"{path}: its bytes differ from the bytes that were written"
    return None


def _name_documents(folder: Path, manifest: Manifest, kind: Format, shard: dict[str, Any]) -> list[str]:
    """Say which documents of a damaged shard are others than were written."""
    main = folder / f"{shard['name']}{kind.main}"
    faults = kind.check(main, manifest.numpy_dtype()) if main.exists() else []
    if faults:
        return faults
    sums_path = folder / SUMS / f"{shard['name']}.u32"
    try:
        sums = np.fromfile(sums_path, dtype="<u4")
        opened = kind.open(main, manifest.numpy_dtype())
    except (OSError, FormatError):
        return []
    if sums.size != len(opened):
        return [f"{main}: {len(opened):,} documents, not the {sums.size:,} that were written"]
    start = 0
    while start < sums.size:
        end = int(np.searchsorted(opened.offsets, int(opened.offsets[start]) + STEP, side="right")) - 1
        end = min(max(end, start + 1), sums.size)
        wrong = np.flatnonzero(opened.read(start, end).checksums() != sums[start:end])
        faults += [
            f"{main}: document {document:,} changed{_origin(manifest, shard, document)}"
            for document in (wrong + start).tolist()
        ]
        start = end
    return faults


def _origin(manifest: Manifest, shard: dict[str, Any], document: int) -> str:
    """Say from which input a document comes."""
    for place, count in shard["segments"]:
        if document < count:
            return f" (of {manifest.inputs[place]['path']})" if 0 <= place < len(manifest.inputs) else ""
        document -= count
    return ""
