"""Count the tokens of text files.

Prints tokens and file, and a total if there are several files. Files are read as 'eurotok encode' reads them.

example:
  eurotok count-tokens tokenizer.json chapter-*.txt
"""

import argparse

from eurotok.cli.arguments import add_errors, add_specials, add_threads, add_tokenizer, load_tokenizer
from eurotok.cli.streams import DASH, standard_input
from eurotok.escape import terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_tokenizer(parser)
    parser.add_argument("files", nargs="+", metavar="FILE", help="text to count; - is standard input")
    add_specials(parser)
    add_threads(parser)
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    tokenizer = load_tokenizer(args)
    total = 0
    for path in args.files:
        if path == DASH:
            tokens = tokenizer.count(standard_input(args.errors), specials=args.specials)
        else:
            tokens = tokenizer.count_files(path, specials=args.specials, threads=args.threads, errors=args.errors)
        print(f"{tokens}\t{terminal(path)}")
        total += tokens
    if len(args.files) > 1:
        print(f"{total}\ttotal")
