"""Signals that end a command: it cleans up, leaves its checkpoint, and exits with the code that shells expect."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Terminated(BaseException):
    """A signal asks the command to end.

    Like `KeyboardInterrupt`, it is no `Exception`: it passes through what handles errors.

    Parameters
    ----------
    number
        The number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


@contextmanager
def raising() -> Iterator[None]:
    """Raise `Terminated` for SIGTERM (batch systems, containers) and SIGHUP (a terminal that closes).

    A signal that is ignored stays ignored, as `nohup` asks. Only a main thread can do this; others change nothing.
    """
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    numbers = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in numbers:
            signal.signal(number, _raise)
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _raise(number: int, _: FrameType | None) -> NoReturn:
    # A second signal must not stop the cleaning up after the first.
    signal.signal(number, signal.SIG_IGN)
    raise Terminated(number)
