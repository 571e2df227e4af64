"""The command `eurotok`: data to standard output, everything else to standard error, errors in one line.

Exit codes: 0 done, 1 something is wrong with the data, 2 with the command line, 130 stopped by Ctrl-C, 141 nobody
reads the output any more.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import eurotok
from eurotok.cli import check, compare, convert, count, count_pieces, decode, demo, encode, info, sweep, train
from eurotok.cli.typed import typed
from eurotok.escape import terminal

VERBS = (demo, train, sweep, count_pieces, encode, decode, count, compare, check, convert, info)


class Parser(argparse.ArgumentParser):
    """A parser that keeps layout in its help, and reports errors in one line."""

    def error(self, message: str) -> NoReturn:
        """Report a wrong command line."""
        report(f"{message} (see {self.prog} --help)")
        sys.exit(2)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    parser = Parser(
        prog="eurotok",
        description="Train, price and run European tokenizers.",
        epilog="Begin with: eurotok demo",
    )
    parser.add_argument("--version", action="version", version=f"eurotok {eurotok.__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in VERBS:
        summary, _, rest = (verb.__doc__ or "").partition("\n")
        name = verb.__name__.rpartition(".")[2].replace("_", "-")
        subparser = verbs.add_parser(
            name,
            help=summary.rstrip("."),
            description=f"{summary}\n{rest}".strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_arguments(subparser)
        subparser.set_defaults(run=verb.run, parser=subparser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv
        The arguments; by default those of the process.

    Returns
    -------
    int
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character still gets the rest
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code, message = 130, "interrupted"
    except BrokenPipeError:
        code, message = 141, ""
    except OSError as error:
        place = f"{os.fspath(error.filename)}: " if error.filename else ""
        code, message = 1, f"{place}{error.strerror or error}"
    except MemoryError:
        code, message = 1, "out of memory"
    except (ValueError, ImportError, OverflowError) as error:
        code, message = 1, typed(str(error), args.parser, argv)
    else:
        return 0
    _finish_stdout()
    if message:
        report(message)
    return code


def report(message: str) -> None:
    """Report an error in one line."""
    print(f"eurotok: error: {terminal(' '.join(message.split()))}", file=sys.stderr)


def _finish_stdout() -> None:
    """Write what was printed before the error; if that is impossible, forget it, or the interpreter fails on exit."""
    try:
        sys.stdout.flush()
    except OSError:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
