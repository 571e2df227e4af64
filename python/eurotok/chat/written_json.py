"""JSON with origins: the filter `tojson` of chat templates, as `transformers` defines it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eurotok.chat.traced import TEMPLATE, Origin, Traced, joined


def to_json(
    value: Any,  # noqa: ANN401 - any JSON
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> Traced:
    """Write a value as JSON: the result of `json.dumps` with the same options, every string with its origin."""
    between, colon = separators or (", " if indent is None else ",", ": ")
    margin = " " * indent if isinstance(indent, int) else indent

    def string(text: str) -> Traced:
        shown = json.dumps(str.__str__(text), ensure_ascii=ensure_ascii)
        return joined((text,))._of_one(shown)

    def block(opening: str, parts: list[Traced], closing: str, depth: int) -> Traced:
        if not parts:
            return joined((opening, closing))
        if margin is None:
            return joined((opening, Traced(between, Origin(TEMPLATE)).join(parts), closing))
        line = "\n" + margin * (depth + 1)
        inner = Traced(between + line, Origin(TEMPLATE)).join(parts)
        return joined((opening, line, inner, "\n" + margin * depth, closing))

    def write(part: Any, depth: int) -> Traced:  # noqa: ANN401 - any JSON
        if isinstance(part, str):
            return string(part)
        if isinstance(part, Mapping):
            items = sorted(part.items()) if sort_keys else part.items()
            pairs = [joined((name(key), colon, write(inner, depth + 1))) for key, inner in items]
            return block("{", pairs, "}", depth)
        if isinstance(part, (list, tuple)):
            return block("[", [write(inner, depth + 1) for inner in part], "]", depth)
        return joined((json.dumps(part, ensure_ascii=ensure_ascii),))

    def name(key: Any) -> Traced:  # noqa: ANN401 - as json.dumps
        return string(key) if isinstance(key, str) else joined(('"', json.dumps(key), '"'))

    return write(value, 0)
