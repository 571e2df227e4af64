"""Signals that end a command: it cleans up, leaves its checkpoint, and exits with the code that shells expect."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Terminated(BaseException):
    """A signal asks the command to end.

    Like `KeyboardInterrupt`, it is no `Exception`, so it passes through handlers of errors.

    Parameters
    ----------
    number
        The number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


def end(raised: BaseException) -> tuple[int, str]:
    """Give the exit code and the message of a command that a signal ended."""
    return (raised.code, f"stopped by {raised}") if isinstance(raised, Terminated) else (130, "interrupted")


@contextmanager
def raising() -> Iterator[list[BaseException]]:
    """Raise `KeyboardInterrupt` for Ctrl-C, `Terminated` for SIGTERM (of batch systems) and SIGHUP (a terminal closes).

    Gives the list of the signals that were raised. A library that is imported at that moment may raise another
    exception in its place: numpy raises an ImportError. A signal that is ignored stays ignored, as `nohup` asks. Only a
    main thread can do this; others change nothing.
    """
    raised: list[BaseException] = []

    def stop(number: int, _: FrameType | None) -> NoReturn:
        # A second signal must not stop the cleaning up after the first; a second Ctrl-C may.
        if number != signal.SIGINT:
            signal.signal(number, signal.SIG_IGN)
        raised.append(KeyboardInterrupt() if number == signal.SIGINT else Terminated(number))
        raise raised[-1]

    usual: dict[int, object] = {
        getattr(signal, name): signal.SIG_DFL for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
    }
    usual[signal.SIGINT] = signal.default_int_handler
    if threading.current_thread() is not threading.main_thread():
        usual = {}
    usual = {number: handler for number, handler in usual.items() if signal.getsignal(number) is handler}
    try:
        for number in usual:
            signal.signal(number, stop)
        yield raised
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
