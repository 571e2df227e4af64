"""Train a tokenizer on a folder of text.

The folder holds <lang>.txt, <lang>.jsonl (field "text") or <lang>.parquet (column "text"), plain or .gz/.zst, or
folders <lang> of such files. Each language weighs the same unless --share says otherwise.

example:
  eurotok train --corpus texts/ --vocab-size 65536 --share en=4 --special-token '<|end|>' -o tokenizer.json
"""

import argparse
import errno
import sys
import time
from pathlib import Path

from eurotok import training
from eurotok.cli.arguments import add_errors, add_threads, pair
from eurotok.cli.streams import DASH, output

ENDINGS = (".json", ".tiktoken", ".eurotok")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--corpus", metavar="DIR", required=True, help="text by language")
    parser.add_argument(
        "--vocab-size", type=int, metavar="N", required=True, help="entries, the 256 bytes and special tokens included"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help=".json, .tiktoken or .eurotok; - writes a tokenizer.json"
    )
    parser.add_argument(
        "--scheme",
        metavar="NAME|REGEX",
        default=training.DEFAULT_SCHEME,
        help="splitting rule (default: %(default)s); 'eurotok info' lists the names",
    )
    parser.add_argument(
        "--share",
        dest="shares",
        action="append",
        type=pair(float),
        metavar="LANG=WEIGHT",
        help="weight of a language; 1 for the others (repeatable)",
    )
    parser.add_argument(
        "--special-token",
        dest="special_tokens",
        action="append",
        default=[],
        metavar="TOKEN",
        help="a text with an id of its own (repeatable)",
    )
    parser.add_argument(
        "--min-frequency", type=int, metavar="N", default=2, help="how often a merged pair occurs (default: 2)"
    )
    parser.add_argument(
        "--max-token-length", type=int, metavar="BYTES", help="tokens stay shorter than this (default: no limit)"
    )
    add_threads(parser)
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    _check_output(args.output)
    began = time.perf_counter()
    counts = training.count(args.corpus, args.scheme, threads=args.threads, errors=args.errors, progress=True)
    counted = time.perf_counter()
    tokenizer = training.train(
        counts,
        vocab_size=args.vocab_size,
        special_tokens=args.special_tokens,
        shares=None if args.shares is None else dict(args.shares),
        min_frequency=args.min_frequency,
        max_token_length=args.max_token_length,
        threads=args.threads,
        progress=True,
    )
    merged = time.perf_counter()
    if args.output == DASH:
        with output(DASH) as file:
            file.write(tokenizer.to_bytes("json"))
    else:
        tokenizer.save(args.output)
    size = sum(counts.bytes.values()) / 1e6
    print(
        f"{len(counts.languages)} languages, {size:,.1f} MB: counted in {counted - began:.1f} s, "
        f"{tokenizer.vocab_size:,} tokens in {merged - counted:.1f} s -> {args.output}",
        file=sys.stderr,
    )
    if tokenizer.vocab_size < args.vocab_size:
        print(f"the text supports {tokenizer.vocab_size:,} tokens, not {args.vocab_size:,}", file=sys.stderr)


def _check_output(path: str) -> None:
    """Refuse an output that could not be written before the work is done rather than after."""
    if path == DASH:
        return
    if not path.endswith(ENDINGS):
        raise ValueError(f"{path}: the name must end in {', '.join(ENDINGS)}, which says the format")
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(folder))
