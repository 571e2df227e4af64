"""Split parallel text into two halves: one to steer training, one to compare on.

Prices on the text that steered training are better than on any other. Documents stay whole if the folder has a
DOCUMENT_IDS.tsv (the document of each line, in the first column), else blocks of 20 lines do.

example:
  eurotok split-parallel sentences/ steer/ report/
"""

import argparse
import sys

from eurotok.cli.arguments import add_errors
from eurotok.escape import terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", metavar="DIR", help="parallel text, one file a language")
    parser.add_argument("first", metavar="OUT_A", help="folder to make: the odd documents, for train --parallel")
    parser.add_argument("second", metavar="OUT_B", help="folder to make: the even documents, for compare --text")
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.pricing.split import split_parallel

    sizes = split_parallel(args.folder, args.first, args.second, args.errors)
    told = ", ".join(f"{size:,} sentences -> {out}" for size, out in zip(sizes, (args.first, args.second), strict=True))
    print(terminal(told), file=sys.stderr)
