"""Progress of a run: a line on a terminal, or else a line of JSON every minute.

The share that is done goes by bytes of the inputs as they are stored, and the speed by bytes of text.
"""

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
        self.documents = self.tokens = self.text = self.done = self.before = 0
        self._stream = stream or sys.stderr
        self._report: Report | None = None if isinstance(progress, bool) else progress
        self._line = Progress(self._stream) if progress is True and self._stream.isatty() else None
        self._log = progress is True and self._line is None
        self._pace, self._text_pace, self._next = Pace(), Pace(), time.monotonic() + EVERY

    def add(self, documents: int, tokens: int, text: int) -> None:
        """Count documents, their ids and the bytes of their text."""
        self.documents += documents
        self.tokens += tokens
        self.text += text

    def skip(self, size: int) -> None:
        """Note bytes of inputs that an earlier call has done: they tell nothing of the pace."""
        self.before += size
        self._pace = Pace()

    def at(self, position: int) -> None:
        """Note how many bytes of the current input are read."""
        self.done = min(self.before + position, self.total) if self.total else self.before + position
        now = time.monotonic()
        rate, text_rate = self._pace("encoding", self.done, now), self._text_pace("text", self.text, now)
        if self._report:
            self._report("encoding", self.done, self.total)
        if self._line:
            speed = f"{text_rate / 1e6:,.1f} MB/s of text" if text_rate else ""
            self._line(f"encoding {self.documents:,} documents, {self.tokens:,} tokens", self.done, self.total, speed)
        if self._log and now >= self._next:
            self._next = now + EVERY
            self._tell(rate, text_rate)

    def end(self, size: int) -> None:
        """Note that an input of this size in bytes is finished."""
        self.before += size
        self.at(0)

    def close(self) -> None:
        """Take the line away."""
        if self._line:
            self._line.close()

    def _tell(self, rate: float, text_rate: float) -> None:
        told = {
            "documents": self.documents,
            "tokens": self.tokens,
            "text_bytes": self.text,
            "done": self.done,
            "total": self.total,
            "mb_per_s": round(text_rate / 1e6, 1),
            "seconds_left": round((self.total - self.done) / rate) if rate and self.total else None,
        }
        print(json.dumps(told), file=self._stream, flush=True)
