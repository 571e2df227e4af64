"""Price languages under tokenizers.

Prints, for each language and tokenizer, tokens per sentence and the surcharge over English for the same sentences.
The text is a folder as for 'eurotok train', in which line i is the same sentence in every language (English as en-src
or en); by default a small sample that comes with eurotok.

example:
  eurotok compare tokenizer.json o200k_base.tiktoken --text parallel/ --json prices.json
"""

import argparse
import shutil
import sys

from eurotok import comparison
from eurotok.cli.arguments import add_errors
from eurotok.cli.streams import DASH
from eurotok.tables import has_colours


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "tokenizers", nargs="+", metavar="TOKENIZER", help="a tokenizer.json, .tiktoken or .eurotok file"
    )
    parser.add_argument("--text", metavar="DIR", help="parallel text (default: the embedded sample)")
    parser.add_argument(
        "--languages",
        metavar="LANG,LANG,...|all",
        help="which to price (default: the official languages of the EU that the text has)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures here, too; - writes only them")
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    languages = args.languages.split(",") if args.languages and args.languages != "all" else args.languages
    result = comparison.compare(args.tokenizers, args.text, languages=languages, errors=args.errors)
    if args.json == DASH:
        print(result.to_json(), end="")
        return
    if args.json:
        result.to_json(args.json)
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    print(result.table(width=width, colours=has_colours(sys.stdout)))
