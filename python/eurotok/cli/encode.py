"""Encode text files to ids.

Reads text, one document a file, or .jsonl and .parquet, one a record; all plain or .gz/.zst; - is standard input.
Writes the ids of all documents in a row as a NumPy array of uint32, or as numbers if that goes to a terminal.

example:
  eurotok encode tokenizer.json book.txt -o ids.npy
  echo 'Grüße aus Malmö' | eurotok encode tokenizer.json -
"""

import argparse
import sys

import numpy as np

from eurotok.cli.arguments import add_errors, add_specials, add_threads, add_tokenizer, load_tokenizer
from eurotok.cli.streams import DASH, output, texts, write_ids


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_tokenizer(parser)
    parser.add_argument("files", nargs="+", metavar="FILE", help="text to encode")
    parser.add_argument("-o", "--output", metavar="FILE", default=DASH, help="where the .npy goes (default: -)")
    add_specials(parser)
    add_threads(parser)
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    tokenizer = load_tokenizer(args)
    parts = [
        tokenizer.encode_batch(batch, args.threads, specials=args.specials).ids
        for path in args.files
        for batch in texts(path, args.errors)
    ]
    ids = np.concatenate(parts)
    if args.output == DASH and sys.stdout.isatty():
        print(*ids.tolist())
        return
    with output(args.output) as file:
        write_ids(file, ids)
