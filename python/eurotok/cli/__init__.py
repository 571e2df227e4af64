"""The command `eurotok`: data to standard output, everything else to standard error, errors in one line.

Exit codes: 0 done, 1 something is wrong with the data, 2 with the command line, 129 the terminal closed, 130 stopped by
Ctrl-C, 141 nobody reads the output any more, 143 stopped by SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import eurotok
from eurotok.cli import (
    check,
    compare,
    convert,
    count,
    count_pieces,
    decode,
    demo,
    encode,
    info,
    playground,
    signals,
    split_parallel,
    streams,
    sweep,
    train,
)
from eurotok.cli.typed import typed
from eurotok.escape import terminal

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

VERBS = (
    demo,
    train,
    sweep,
    count_pieces,
    encode,
    decode,
    count,
    compare,
    playground,
    split_parallel,
    check,
    convert,
    info,
)


class Parser(argparse.ArgumentParser):
    """A parser that keeps layout in its help, and reports errors in one line."""

    def error(self, message: str) -> NoReturn:
        """Report a wrong command line."""
        report(f"{message} (see {self.prog} --help)")
        sys.exit(2)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Print help or the version. Unlike argparse, fail if that cannot be written."""
        if message:
            (file or sys.stderr).write(message)


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
    argv = sys.argv[1:] if argv is None else argv
    args = argparse.Namespace(parser=None)
    streams.open_standard()
    try:
        with signals.raising(), warnings.catch_warnings():
            warnings.showwarning = _warn  # type: ignore[assignment]
            try:
                args = build_parser().parse_args(argv)
                args.run(args)
                code = 0
            except SystemExit as end:  # help, the version, a wrong command line
                code = int(end.code or 0)
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        code, message = 130, "interrupted"
    except signals.Terminated as signal:
        code, message = signal.code, f"stopped by {signal}"
    except BrokenPipeError:
        code, message = 141, ""
    except OSError as error:
        place = f"{os.fspath(error.filename)}: " if error.filename else ""
        code, message = 1, f"{place}{error.strerror or error}"
    except MemoryError:
        code, message = 1, "out of memory"
    except (ValueError, ImportError, OverflowError) as error:
        code, message = 1, typed(str(error), args.parser, argv) if args.parser else str(error)
    streams.close_standard()
    if message:
        report(message)
    return code


def report(message: str, kind: str = "error") -> None:
    """Report in one line, if anybody listens."""
    with suppress(OSError):
        print(f"eurotok: {kind}: {terminal(' '.join(message.split()))}", file=sys.stderr, flush=True)


def _warn(message: Warning | str, *_: object) -> None:
    report(str(message), "warning")
