"""Describe a tokenizer, or list the schemes.

example:
  eurotok info tokenizer.json
  eurotok info
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eurotok.cli.arguments import add_tokenizer
from eurotok.escape import terminal
from eurotok.output.tables import shorten

if TYPE_CHECKING:
    from eurotok.tokenizer import Tokenizer

SHOWN = 8
"""Special tokens listed before the rest is only counted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_tokenizer(parser, is_optional=True)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok import _core
    from eurotok.loading import load

    facts = _core.schemes() if args.tokenizer is None else describe(load(args.tokenizer, args.scheme))
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:{width}}  {terminal(value)}")


def describe(tokenizer: Tokenizer) -> dict[str, str]:
    """Gather the facts to print."""
    from eurotok.checks import ordinary_tokens

    specials = sorted(tokenizer.special_tokens.items(), key=lambda item: item[1])
    listed = ", ".join(f"{text} = {id}" for text, id in specials[:SHOWN])  # noqa: A001 - ids are called id
    if len(specials) > SHOWN:
        listed += f", and {len(specials) - SHOWN} more"
    tokens = list(ordinary_tokens(tokenizer).values())
    longest = max(tokens, key=len)
    return {
        "vocabulary": f"{tokenizer.vocab_size:,} ids",
        "tokens": f"{len(tokens):,}, on average {sum(map(len, tokens)) / len(tokens):.1f} bytes",
        "longest": f"{shorten(repr(longest.decode(errors='replace')), 60)}, {len(longest)} bytes",
        "specials": listed or "none",
        **_splitting(tokenizer),
    }


def _splitting(tokenizer: Tokenizer) -> dict[str, str]:
    from eurotok import _core

    try:
        return {"scheme": tokenizer.scheme or "a regex of its own", "pattern": tokenizer.pattern}
    except _core.UnsupportedError:
        return {"scheme": "several stages"}
