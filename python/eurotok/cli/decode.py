"""Decode ids to text.

Writes the bytes that the ids stand for, exactly; - is standard input or standard output. Reads the files that 'eurotok
encode' writes: an .npy array, or bare integers in a .bin, whose type is told by FILE.offsets.npy beside it or by
--dtype.

example:
  eurotok decode tokenizer.json ids.npy > book.txt
  eurotok decode tokenizer.json ids.bin --dtype uint16 -o book.txt
"""

import argparse

from eurotok.cli.arguments import add_tokenizer, load_tokenizer, tokenizer_files
from eurotok.cli.streams import DASH, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_tokenizer(parser)
    parser.add_argument("ids", metavar="IDS", help="an .npy array of integers in one dimension, or a .bin")
    parser.add_argument("-o", "--output", metavar="FILE", default=DASH, help="where the text goes (default: -)")
    parser.add_argument(
        "--dtype", choices=("uint16", "uint32"), help="read integers without a header, of this type and little-endian"
    )
    parser.add_argument("--skip-specials", action="store_true", help="leave special tokens out")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.cli.ids import read_ids
    from eurotok.files import check_outputs

    if args.output != DASH:
        check_outputs([args.output], [args.ids, *tokenizer_files(args.tokenizer)])
    text = load_tokenizer(args).decode_bytes(read_ids(args.ids, args.dtype), skip_specials=args.skip_specials)
    with output(args.output) as file:
        file.write(text)
