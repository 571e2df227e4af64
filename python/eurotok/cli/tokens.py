"""Show the tokens of a text.

Prints the text with its tokens in two colours by turns, or with bars between them where there are no colours (a pipe,
NO_COLOR), and their number. Tokens that are parts of one character are shown as that character and their number.

example:
  eurotok tokens euro-64k 'L’école européenne'
  eurotok tokens o200k_base --ids 'L’école européenne'
"""

import argparse
import sys

from eurotok.cli.arguments import add_errors, add_specials, add_tokenizer, load_tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_tokenizer(parser)
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="the text itself, not a file; - is standard input")
    parser.add_argument("--ids", action="store_true", help="print a line for each token: its id, its bytes as text")
    add_specials(parser)
    add_errors(parser)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.cli.streams import DASH, standard_input
    from eurotok.output.tables import has_colours, show_tokens

    tokenizer, colours = load_tokenizer(args), has_colours(sys.stdout)
    for text in args.texts:
        given = standard_input(args.errors) if text == DASH else text
        ids = tokenizer.encode_list(given, specials=args.specials, errors=args.errors)
        tokens = [tokenizer.token(each) for each in ids]
        if args.ids:
            for number, token in zip(ids, tokens, strict=True):
                print(f"{number:>7}  {show_tokens([token], colours=colours)}")
        else:
            lines = "".join(f"{line}\n" for line in _lines(tokens, colours))
            print(lines, end="")
        print(f"{len(ids):,} tokens" if len(ids) != 1 else "1 token", file=sys.stderr)


def _lines(tokens: list[bytes], colours: bool) -> list[str]:
    """Show tokens, with the line breaks of the text: after each token that ends in one."""
    from eurotok.output.tables import show_tokens

    lines: list[list[bytes]] = [[]]
    for token in tokens:
        lines[-1].append(token)
        if token.endswith(b"\n"):
            lines.append([])
    return [show_tokens(line, colours=colours) for line in lines if line]
