"""Show the help of a command.

Without a command, it lists the commands.

example:
  eurotok help train
"""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="the command (default: list them)")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.cli.parser import build_parser

    words = [] if args.command is None else [args.command]
    build_parser(args.command or "").parse_args([*words, "--help"])
    sys.stdout.flush()
