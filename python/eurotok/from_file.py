"""Padding and truncation as a `tokenizer.json` states them: JSON enters, the arguments of a call leave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eurotok.batch import Padding, Side, Strategy

STRATEGIES: Mapping[str, Strategy] = {
    "LongestFirst": "longest_first",
    "OnlyFirst": "only_first",
    "OnlySecond": "only_second",
}


@dataclass(frozen=True)
class StatedPadding:
    """How rows are filled up.

    Attributes
    ----------
    padding
        Up to the longest, or to a fixed width.
    width
        That width, in ids.
    side
        Where they are filled up.
    multiple_of
        The width is rounded up to a multiple of this.
    pad
        The id to pad with.
    """

    padding: Padding
    width: int | None
    side: Side
    multiple_of: int | None
    pad: int


@dataclass(frozen=True)
class StatedTruncation:
    """How rows are shortened.

    Attributes
    ----------
    strategy
        Which text of two is shortened.
    max_length
        The most ids of a row.
    stride
        How many ids of a row the next row of the same text begins with.
    side
        Where a text is shortened.
    """

    strategy: Strategy
    max_length: int
    stride: int
    side: Side


def stated_padding(part: str | None) -> StatedPadding:
    """Read the padding of a file.

    Raises
    ------
    ValueError
        If the file states none, or one that is not known.
    """
    value = _object("padding", part)
    strategy = value.get("strategy")
    width = strategy.get("Fixed") if isinstance(strategy, dict) else None
    if width is None and strategy != "BatchLongest":
        raise ValueError(f"padding: the file states the strategy {strategy!r}, which is not known")
    multiple_of = value.get("pad_to_multiple_of")
    return StatedPadding(
        "longest" if width is None else "max_length",
        None if width is None else _number("padding", "strategy", width),
        _side("padding", value),
        None if not multiple_of else _number("padding", "pad_to_multiple_of", multiple_of),
        _number("padding", "pad_id", value.get("pad_id", 0)),
    )


def stated_truncation(part: str | None) -> StatedTruncation:
    """Read the truncation of a file.

    Raises
    ------
    ValueError
        If the file states none, or one that is not known.
    """
    value = _object("truncation", part)
    strategy = STRATEGIES.get(str(value.get("strategy", "LongestFirst")))
    if strategy is None:
        raise ValueError(f"truncation: the file states the strategy {value['strategy']!r}, which is not known")
    return StatedTruncation(
        strategy,
        _number("truncation", "max_length", value.get("max_length")),
        _number("truncation", "stride", value.get("stride", 0)),
        _side("truncation", value),
    )


def _object(name: str, part: str | None) -> dict[str, Any]:
    value = json.loads(part) if part is not None else None
    if not isinstance(value, dict):
        raise ValueError(f"{name}: the tokenizer's file states none")
    return value


def _side(name: str, value: Mapping[str, Any]) -> Side:
    sides: Mapping[str, Side] = {"Right": "right", "Left": "left"}
    stated = value.get("direction", "Right")
    if stated not in sides:
        raise ValueError(f"{name}: the file states the direction {stated!r}, which is not known")
    return sides[stated]


def _number(name: str, key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise ValueError(f"{name}: the file states {value!r} as {key}, which is no number of ids")
    return value
