"""Progress of a run: a line on a terminal, or else a line of JSON every minute."""

from __future__ import annotations

import json
import sys
import time
from typing import TextIO

from eurotok.progress import Pace, Progress, Report

EVERY = 60.0
"""Seconds between two lines of JSON."""


class Meter:
    """Counts finished work, and reports it.

    Parameters
    ----------
    progress
        Whether to tell it on standard error, or a function of (stage, done, total) to call.
    total
        Bytes of the inputs, as they are stored.
    """

    def __init__(self, progress: bool | Report, total: int, stream: TextIO | None = None) -> None:
        self.total = total
        self.documents = self.tokens = self.done = self.before = 0
        self._stream = stream or sys.stderr
        self._report: Report | None = None if isinstance(progress, bool) else progress
        self._line = Progress(self._stream) if progress is True and self._stream.isatty() else None
        self._log = progress is True and self._line is None
        self._pace, self._next = Pace(), time.monotonic() + EVERY

    def add(self, documents: int, tokens: int) -> None:
        """Count documents."""
        self.documents += documents
        self.tokens += tokens

    def at(self, position: int) -> None:
        """Note how many bytes of the current input are read."""
        self.done = min(self.before + position, self.total) if self.total else self.before + position
        if self._report:
            self._report("encoding", self.done, self.total)
        if self._line:
            self._line(f"encoding {self.documents:,} documents, {self.tokens:,} tokens", self.done, self.total)
        if self._log:
            self._tell()

    def end(self, size: int) -> None:
        """Note that an input of this size in bytes is finished."""
        self.before += size
        self.at(0)

    def close(self) -> None:
        """Take the line away."""
        if self._line:
            self._line.close()

    def _tell(self) -> None:
        now = time.monotonic()
        rate = self._pace("encoding", self.done, now)
        if now < self._next:
            return
        self._next = now + EVERY
        told = {
            "documents": self.documents,
            "tokens": self.tokens,
            "bytes": self.done,
            "total": self.total,
            "mb_per_s": round(rate / 1e6, 1),
            "seconds_left": round((self.total - self.done) / rate) if rate and self.total else None,
        }
        print(json.dumps(told), file=self._stream, flush=True)
