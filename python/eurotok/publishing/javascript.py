"""Regexes that JavaScript compiles, for transformers.js: without `(?i:...)`, which older engines refuse."""

from __future__ import annotations

import re
from typing import Any

CONTRACTIONS = {
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)": "(?:'(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))",
    "(?i:s|t|re|ve|m|ll|d)": "(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])",
}
"""Groups that ignore case, and equal groups without the flag: in addition to `s` and `S` these match the long `ſ`."""


def respelled(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Spell the regexes in a `tokenizer.json` in the way that JavaScript compiles, where it is known; in place."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "Regex" and isinstance(part, str):
                for old, new in CONTRACTIONS.items():
                    value[key] = value[key].replace(old, new)
            else:
                respelled(part)
    elif isinstance(value, list):
        for part in value:
            respelled(part)


def compiles(pattern: str) -> bool:
    r"""Say whether JavaScript takes a regex, as far as groups and quantifiers that it lacks tell.

    Examples
    --------
    >>> compiles(r"\p{L}+|\s+(?!\S)"), compiles("(?i:s)"), compiles("a++")
    (True, False, False)
    """
    plain = re.sub(r"\[(?:\\.|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\.", "x", pattern)
    return not re.search(r"\(\?(?![:=!]|<[=!])|[*+?}]\+", plain)
