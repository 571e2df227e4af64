"""A recipe: what a family of tokenizers is made of, as data."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Domain:
    """Sources of text, and how many times each text of theirs counts."""

    sources: tuple[str, ...]
    times: int


@dataclass(frozen=True)
class Recipe:
    """Everything that decides about the tokenizers; `recipes/euro.toml` says what each choice means.

    Attributes
    ----------
    models
        Entries of each vocabulary, by name.
    window
        Bytes of text in which a piece counts once; 0: it counts as often as it occurs.
    code_share
        Weight of all source code together, as a part of the whole.
    other_share
        Weight of a language that is not an official one, as a part of that of an official one.
    other_full
        Weighted bytes of text from which on another language has all of that share.
    target
        Prices that the official languages are wished to have, relative to each other; 1 for those left out.
    least, without
        What pieces must be to be trained on: so frequent, and free of matches of this regex.
    """

    scheme: str
    models: Mapping[str, int]
    parallel: Path
    fairness: float
    target: Mapping[str, float]
    min_frequency: int
    max_token_length: int | None
    text: Path
    index: Path
    window: int
    domains: Mapping[str, Domain]
    code: Path
    code_share: float
    other_share: float
    other_full: int
    least: int
    without: str
    special_tokens: tuple[str, ...] = field(repr=False)


def read(path: Path) -> Recipe:
    """Read a recipe; `$NAME` in a path is an environment variable.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no TOML, lacks something, or names a variable that is not set.
    """
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        specials = data["special_tokens"]
        return Recipe(
            scheme=data["scheme"],
            models=data["models"],
            parallel=_path(data["parallel"]),
            fairness=data["fairness"],
            target=data.get("target", {}),
            min_frequency=data["min_frequency"],
            max_token_length=data.get("max_token_length"),
            text=_path(data["text"]["folder"]),
            index=_path(data["text"]["index"]),
            window=data["text"]["window"],
            domains={name: Domain(tuple(it["sources"]), it["times"]) for name, it in data["domains"].items()},
            code=_path(data["code"]["folder"]),
            code_share=data["code"]["share"],
            other_share=data["others"]["share"],
            other_full=data["others"]["full"],
            least=data["pieces"]["least"],
            without=data["pieces"]["without"],
            special_tokens=_special_tokens(specials),
        )
    except KeyError as error:
        raise ValueError(f"{path}: {error.args[0]!r} is missing") from None


def _special_tokens(specials: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the named tokens, and as many reserved ones as make up the size."""
    named = tuple(specials["tokens"])
    return named + tuple(f"<|reserved_{number}|>" for number in range(specials["size"] - len(named)))


def _path(text: str) -> Path:
    path = os.path.expandvars(text)
    if unset := re.search(r"\$\w+", path):
        raise ValueError(f"{text}: {unset[0]} is not set")
    return Path(path)
