"""Formats of shards, by name: a module each, with a writer and a reader."""

from __future__ import annotations

from pathlib import Path

from eurotok._core import FormatError
from eurotok.shards.formats.base import Format, Settings, Shard, Writer, Written
from eurotok.shards.formats.columns import Arrow, Parquet
from eurotok.shards.formats.datatrove import Datatrove
from eurotok.shards.formats.dolma import Dolma
from eurotok.shards.formats.litdata import Litdata
from eurotok.shards.formats.mds import Mds
from eurotok.shards.formats.megatron import Megatron
from eurotok.shards.formats.npy import Npy

__all__ = ["FORMATS", "Format", "Settings", "Shard", "Writer", "Written", "named", "recognise"]

FORMATS: dict[str, Format] = {
    it.name: it for it in (Megatron(), Datatrove(), Dolma(), Npy(), Mds(), Litdata(), Parquet(), Arrow())
}
"""All formats that are written and read."""

ALIASES = {"olmo": "dolma", "numpy": "npy", "nanotron": "datatrove", "nemo": "megatron"}
"""Other names of formats: of frameworks that read them."""


def named(name: str) -> Format:
    """Give the format of a name.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = FORMATS.get(ALIASES.get(name, name))
    if found is None:
        raise ValueError(f"format: {name!r} is not one of {', '.join(FORMATS)}")
    return found


def recognise(folder: Path) -> Format:
    """Tell by its files which format a folder is in.

    Raises
    ------
    FormatError
        If it holds no shards, or shards of several formats.
    """
    found = [it for it in FORMATS.values() if it.find(folder) and _has_companions(it, folder)]
    if len(found) != 1:
        names = " and ".join(it.name for it in found)
        raise FormatError(f"{folder}: {f'shards of {names}: name the format' if found else 'no shards here'}")
    return found[0]


def _has_companions(kind: Format, folder: Path) -> bool:
    path = kind.find(folder)[0]
    stem = path.name.removesuffix(kind.main)
    return all((folder / f"{stem}{ending}").exists() for ending in kind.endings)
