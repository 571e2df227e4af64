"""Write a tokenizer in another format, or cut to a smaller vocabulary.

The end of the name says which: .json (a tokenizer.json), .tiktoken or .eurotok. The ids stay the same, or the file is
not written. Beside a .tiktoken file, which holds tokens only, <file>.json takes the pattern and the special tokens.

example:
  eurotok convert large.json small.json --vocab-size 32768
  eurotok convert o200k_base.tiktoken tokenizer.json --special-token '<|endoftext|>=199999'
"""

import argparse

from eurotok.cli.arguments import TOKENIZERS, add_scheme, entries, pair, saved_files, tokenizer_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("input", metavar="IN", help=TOKENIZERS)
    parser.add_argument("output", metavar="OUT", help="the file to write")
    add_scheme(parser)
    parser.add_argument(
        "--vocab-size",
        type=entries,
        metavar="N",
        help="keep the first entries, as if training had stopped there; 64k is 65536",
    )
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
    from eurotok.files import check_outputs
    from eurotok.tokenizer import load
    from eurotok.training import truncate

    check_outputs(saved_files(args.output), tokenizer_files(args.input))
    specials = None if args.special_tokens is None else dict(args.special_tokens)
    tokenizer = load(args.input, args.scheme, specials)
    if args.vocab_size is not None:
        tokenizer = truncate(tokenizer, args.vocab_size)
    tokenizer.save(args.output)
