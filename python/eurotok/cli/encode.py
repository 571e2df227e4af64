"""Encode text files to ids.

Reads text, one document a file, or .jsonl and .parquet, one a record; all plain or .gz/.zst; - is standard input.
Writes the ids of all documents in a row: as an .npy array, as integers alone if the name ends in .bin, or as numbers to
a terminal. Beside FILE.npy or FILE.bin, FILE.offsets.npy says where documents begin.

example:
  eurotok encode tokenizer.json book.txt -o ids.npy
  eurotok encode tokenizer.json part-*.jsonl.zst --dtype uint16 --separator '<|end|>' -o ids.bin
  echo 'Grüße aus Malmö' | eurotok encode tokenizer.json -
"""

import argparse
import os
import sys

from eurotok.cli.arguments import add_errors, add_specials, add_threads, add_tokenizer, load_tokenizer, tokenizer_files
from eurotok.cli.streams import DASH, output, texts
from eurotok.escape import terminal

ENDINGS = (".npy", ".bin")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_tokenizer(parser)
    parser.add_argument("files", nargs="+", metavar="FILE", help="text to encode")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default=DASH, help=".npy or .bin; anything else gets an .npy (default: -)"
    )
    parser.add_argument("--dtype", choices=("uint16", "uint32"), default="uint32", help="default: %(default)s")
    parser.add_argument("--separator", metavar="TOKEN", help="a special token to put after every document")
    add_specials(parser)
    add_threads(parser)
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    import numpy as np

    from eurotok.cli.ids import write_ids
    from eurotok.encoded_files import offsets_path
    from eurotok.files import check_outputs

    if args.output != DASH:
        written = [args.output]
        if args.output.endswith(ENDINGS):
            written.append(os.fspath(offsets_path(args.output)))
        check_outputs(written, [*args.files, *tokenizer_files(args.tokenizer)])
    tokenizer = load_tokenizer(args)
    if args.output.endswith(ENDINGS) and DASH not in args.files:
        encoded = tokenizer.encode_files(
            args.files,
            args.output,
            dtype=args.dtype,
            separator=args.separator,
            specials=args.specials,
            threads=args.threads,
            errors=args.errors,
            progress=True,
        )
        documents = "document" if encoded.documents == 1 else "documents"
        print(
            f"{encoded.documents:,} {documents}, {encoded.bytes / 1e6:,.1f} MB: "
            f"{encoded.tokens:,} tokens -> {terminal(args.output)}, {terminal(str(encoded.offsets))}",
            file=sys.stderr,
        )
        return
    if args.separator is not None or args.dtype != "uint32" or args.output.endswith(".bin"):
        args.parser.error("--separator, --dtype uint16 and .bin need files to read and a file to write")
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
