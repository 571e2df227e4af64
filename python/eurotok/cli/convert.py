"""Write a tokenizer in another format.

The end of the name says which: .json (a tokenizer.json), .tiktoken or .eurotok. The ids stay the same, or the file is
not written. Beside a .tiktoken file, which holds tokens only, <file>.json takes the pattern and the special tokens.

example:
  eurotok convert o200k_base.tiktoken tokenizer.json --special-token '<|endoftext|>=199999'
"""

import argparse

from eurotok.cli.arguments import add_scheme, pair
from eurotok.tokenizer import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("input", metavar="IN", help="a tokenizer.json, .tiktoken or .eurotok file")
    parser.add_argument("output", metavar="OUT", help="the file to write")
    add_scheme(parser)
    parser.add_argument(
        "--special-token",
        dest="special_tokens",
        action="append",
        type=pair(int),
        metavar="TOKEN=ID",
        help="a special token of a .tiktoken file (repeatable)",
    )


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    specials = None if args.special_tokens is None else dict(args.special_tokens)
    load(args.input, args.scheme, specials).save(args.output)
