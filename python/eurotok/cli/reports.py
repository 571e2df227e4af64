"""Errors and warnings of the command, a line each on standard error."""

import sys
from contextlib import suppress

from eurotok.escape import terminal


def report(message: str, kind: str = "error") -> None:
    """Report in one line, if anybody listens."""
    with suppress(OSError):
        print(f"eurotok: {kind}: {terminal(' '.join(message.split()))}", file=sys.stderr, flush=True)
