"""Progress of long work, for people at a terminal."""

import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from math import ceil
from typing import Any, Self, TextIO

Report = Callable[[str, int, int], Any]
"""A report of progress: the stage, the amount done, and the whole amount."""


class Pace:
    """The pace of work over the last seconds, for stages with the same first word (`counting fr`, `counting de`)."""

    SECONDS = 10.0

    def __init__(self) -> None:
        self._kind = ""
        self._seen: deque[tuple[float, int]] = deque()

    def __call__(self, stage: str, done: int, now: float) -> float:
        """Note how much is done at a time in seconds; return how much more there is each second, 0 if not yet known."""
        kind = stage.partition(" ")[0]
        if kind != self._kind or (self._seen and done < self._seen[-1][1]):
            self._kind = kind
            self._seen.clear()
        while len(self._seen) > 1 and self._seen[1][0] < now - self.SECONDS:
            self._seen.popleft()
        self._seen.append((now, done))
        since, before = self._seen[0]
        return (done - before) / (now - since) if now - since >= 0.5 else 0.0


def duration(seconds: float) -> str:
    """Write a time as people say it.

    >>> duration(7.2), duration(95), duration(4000)
    ('8 s', '2 min', '1 h 7 min')
    """
    if seconds <= 60:
        return f"{ceil(seconds)} s"
    minutes = ceil(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """A line on the terminal that says how far the work is; silent where there is no terminal.

    Called as the core calls back: with the stage, and how much of how much is done. Adds how fast it goes and how long
    it will take at that pace. Rewrites its line at most ten times a second.

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
        self._pace = Pace()

    def __call__(self, stage: str, done: int, total: int, speed: str = "") -> None:
        """Show that `done` of `total` (0: unknown) is done in `stage`; `speed` is shown in place of the pace."""
        if not self._shown:
            return
        now = time.monotonic()
        rate = self._pace(stage, done, now)
        if now < self._next and done != total:
            return
        self._next = now + 0.1
        parts = [f"{done / total:.0%}"] if total else []
        if not speed and total and rate:
            speed = f"{rate / 1e6:,.1f} MB/s" if stage.startswith(("counting", "encoding")) else f"{rate:,.0f}/s"
        parts += [speed] if speed else []
        parts += [f"{duration((total - done) / rate)} left"] if total and rate else []
        self._write(f"{stage}: {', '.join(parts)}" if parts else stage)

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
