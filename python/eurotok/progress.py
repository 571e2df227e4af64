"""Progress of long work, for people at a terminal."""

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Self, TextIO

Report = Callable[[str, int, int], Any]
"""What is told of progress: the stage, and how much of how much is done."""


class Progress:
    """A line on the terminal that says how far the work is; silent where there is no terminal.

    Called as the core calls back: with the stage, and how much of how much is done. Rewrites its line at most ten
    times a second.

    Parameters
    ----------
    stream
        Where to write; by default standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()
        self._next = 0.0
        self._width = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` (0: unknown) is done in `stage`."""
        now = time.monotonic()
        if not self._shown or (now < self._next and done != total):
            return
        self._next = now + 0.1
        self._write(f"{stage}: {done / total:.0%}" if total else stage)

    def close(self) -> None:
        """Take the line away."""
        if self._width:
            self._write("")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, line: str) -> None:
        self._stream.write(f"\r{line.ljust(self._width)}" + ("" if line else "\r"))
        self._stream.flush()
        self._width = len(line)


def reporting(progress: bool | Report) -> Progress | nullcontext[Report | None]:
    """Make a context that yields the function to report to, and tidies up after it."""
    if progress is True:
        return Progress()
    return nullcontext(progress or None)
