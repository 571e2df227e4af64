"""A recipe: what a family of tokenizers is made of, as data."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eurotok.pricing.parallel_text import OFFICIAL


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
    new, new_times
        More text, of its own domain, and how many times it counts.
    frequencies, strength
        Lists of word frequencies, and how far counts are calibrated to them; 0: not at all.
    resolution
        What a count is multiplied by before it is calibrated and rounded.
    code_share
        Weight of all source code and markup together, as a part of the whole.
    columns, column_target
        Languages that are not official ones and yet have a price of their own, and its target.
    rest_share
        Weight of any other language, as a part of that of an official one.
    rest_full
        Weighted bytes of text from which on such a language has all of that share.
    target
        Prices that languages are wished to have, relative to each other; 1 for the official ones left out.
    least, without
        What pieces must be to be trained on: so frequent, in units of the resolution, and without a match of it.
    content
        Special tokens that decoding keeps where it skips the others.
    chat
        The template of chats, for Jinja.
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
    new: Path
    new_times: int
    frequencies: Path
    strength: float
    resolution: int
    code: Path
    code_share: float
    columns: tuple[str, ...]
    column_target: float
    rest_share: float
    rest_full: int
    least: int
    without: str
    content: tuple[str, ...]
    chat: Path
    special_tokens: tuple[str, ...] = field(repr=False)

    @property
    def priced(self) -> tuple[str, ...]:
        """The languages that have a price: the official ones and those with a column of their own."""
        return tuple(sorted((*OFFICIAL, *self.columns)))

    @property
    def targets(self) -> dict[str, float]:
        """The target of each language that has one other than 1."""
        return dict.fromkeys(self.columns, self.column_target) | dict(self.target)


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
            new=_path(data["new"]["folder"]),
            new_times=data["new"]["times"],
            frequencies=_path(data["frequencies"]["folder"]),
            strength=data["frequencies"]["strength"],
            resolution=data["frequencies"]["resolution"],
            code=_path(data["code"]["folder"]),
            code_share=data["code"]["share"],
            columns=tuple(data["columns"]["languages"]),
            column_target=data["columns"]["target"],
            rest_share=data["rest"]["share"],
            rest_full=data["rest"]["full"],
            least=data["pieces"]["least"],
            without=data["pieces"]["without"],
            content=tuple(specials["content"]),
            chat=path.parent / specials["chat"],
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
