"""Price languages under tokenizers.

Prints three figures for each language and tokenizer, with 95 % intervals: tokens per sentence; the ratio of these to
the tokens of the reference tokenizer (the first one, or --reference); and the surcharge over English for the same
sentences. --figure chooses another figure; --html has all of them to look at, --json as data. The text is a folder as
for 'eurotok train', in which line i is the same sentence in every language (English as en-src or en); by default a
small sample that comes with eurotok.

example:
  eurotok compare tokenizer.json o200k_base.tiktoken --text parallel/ --html prices.html
"""

import argparse
import shutil
import sys
from typing import get_args

from eurotok.cli.arguments import add_errors, add_scheme, tokenizer_files
from eurotok.cli.streams import DASH
from eurotok.output.names import KINDS, PageLanguage
from eurotok.output.tables import has_colours

PAGES = {"html": "a page with every figure", "markdown": "the table in Markdown", "latex": "the table in LaTeX"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "tokenizers",
        nargs="*",
        metavar="[NAME=]TOKENIZER",
        help="a shipped tokenizer's name; a tokenizer.json, .tiktoken, .eurotok, Tekken or SentencePiece file, or a "
        "folder with the first; a name of tiktoken (gpt-4o, o200k_base) or in the Hugging Face cache (org/model); "
        "NAME= is a label for it (default: the shipped ones and, on the sample, GPT-4o's o200k_base by stored figures)",
    )
    add_scheme(parser)
    parser.add_argument("--text", metavar="DIR", help="parallel text (default: the embedded sample)")
    parser.add_argument(
        "--languages",
        metavar="LANG,LANG,...|all",
        help="which to price (default: the official languages of the EU that the text has)",
    )
    parser.add_argument(
        "--reference",
        metavar="TOKENIZER",
        help="compare the tokens of all tokenizers with this one, such as o200k_base (default: the first)",
    )
    parser.add_argument(
        "--figure",
        metavar="NAME",
        default="surcharge",
        choices=KINDS,
        help=f"set this in the tables instead of the surcharge: {', '.join(KINDS)}",
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures here, too; - writes only them")
    for kind, what in PAGES.items():
        parser.add_argument(f"--{kind}", metavar="FILE", help=f"write {what} here")
    parser.add_argument(
        "--language",
        choices=get_args(PageLanguage),
        help="language of the page of --html (default: en); --languages says which languages to price",
    )
    parser.add_argument(
        "--picture", metavar="FILE", action="append", default=[], help="draw surcharges and tokens here: .svg or .png"
    )
    parser.add_argument(
        "--source", metavar="TEXT", default="", help="where the text is from, its year and licence, for the page"
    )
    parser.add_argument("--price", type=float, default=1.0, metavar="MONEY", help="of a million tokens (default: 1)")
    parser.add_argument(
        "--context", type=int, default=128_000, metavar="N", help="tokens of a context (default: 128000)"
    )
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok import comparison

    _check_arguments(args)
    languages = args.languages
    if languages and languages != "all":
        languages = [it.strip() for it in languages.split(",") if it.strip()]
        if not languages:
            raise ValueError(f"--languages {args.languages!r} names none")
    result = comparison.compare(
        args.tokenizers or None,
        args.text,
        languages=languages,
        errors=args.errors,
        scheme=args.scheme,
        reference=args.reference,
        source=args.source,
        price=args.price,
        context=args.context,
        progress=True,
    )
    if args.json == DASH:
        print(result.to_json(), end="")
    else:
        width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
        print(result.table(width=width, colours=has_colours(sys.stdout), figure=args.figure))
    if args.json not in (None, DASH):
        result.to_json(args.json)
    if args.html:
        result.to_html(args.html, args.language or "en")
    if args.markdown:
        result.to_markdown(args.markdown, args.figure)
    if args.latex:
        result.to_latex(args.latex, args.figure)
    for path in args.picture:
        result.picture(path)


def _check_arguments(args: argparse.Namespace) -> None:
    """Refuse before the work everything that would be refused after it."""
    from eurotok.corpus import find_languages
    from eurotok.files import check_outputs
    from eurotok.output import plots, report

    if args.language and not args.html:
        args.parser.error("--language is that of the page of --html; --languages says which languages to price")
    pages = [getattr(args, kind) for kind in (*PAGES, "json")]
    outputs = [path for path in pages if path not in (None, DASH)]
    for path in args.picture:
        plots.check_name(path)
    texts = [] if args.text is None else [path for paths in find_languages(args.text).values() for path in paths]
    check_outputs([*outputs, *args.picture], [*tokenizer_files(*args.tokenizers), *texts])
    if args.html:
        report.check_name(args.html)
