"""The command `eurotok`: data to standard output, everything else to standard error, errors in one line.

Exit codes: 0 done, 1 something is wrong with the data, 2 with the command line, 129 the terminal closed, 130 stopped by
Ctrl-C, 141 nobody reads the output any more, 143 stopped by SIGTERM.

Only the module of the typed command is imported, and slow imports (numpy, the core) happen when the command runs: so
`--help` answers in milliseconds. argparse because of that: it takes a quarter of the time of typer to import, and is
there already.
"""

from __future__ import annotations

import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Sequence

from eurotok.cli import signals, streams
from eurotok.cli.parser import COMMANDS, OLD_NAMES, build_parser
from eurotok.cli.reports import report
from eurotok.cli.typed import typed

__all__ = ["COMMANDS", "build_parser", "main"]


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
    args = Namespace(parser=None)
    streams.open_standard()
    raised: list[BaseException] = []
    try:
        with signals.raising() as raised, warnings.catch_warnings():
            warnings.showwarning = _warn  # type: ignore[assignment]
            # Before anything of the library is imported: the command's users are told of old names, not its author.
            warnings.simplefilter("always", FutureWarning)
            command = next((word for word in argv if not word.startswith("-")), "")
            try:
                args = build_parser(command).parse_args(argv)
                args.run(args)
                code = 0
            except SystemExit as end:  # help, the version, a wrong command line
                code = int(end.code or 0)
            sys.stdout.flush()
            if code == 0 and command in OLD_NAMES:
                report(f"{command!r} is the old name of {OLD_NAMES[command]}", "warning")
            return code
    except (KeyboardInterrupt, signals.Terminated) as signal:
        code, message = signals.end(signal)
    except BrokenPipeError:
        code, message = 141, ""
    except OSError as error:
        place = f"{os.fspath(error.filename)}: " if error.filename else ""
        code, message = 1, f"{place}{error.strerror or error}"
    except MemoryError:
        code, message = 1, "out of memory"
    except Exception as error:
        if raised:
            code, message = signals.end(raised[-1])
        elif isinstance(error, (ValueError, ImportError, OverflowError)):
            code, message = 1, typed(str(error), args.parser, argv) if args.parser else str(error)
        else:
            raise
    streams.close_standard()
    if message:
        report(message)
    return code


def _warn(message: Warning | str, *_: object) -> None:
    report(str(message), "warning")
