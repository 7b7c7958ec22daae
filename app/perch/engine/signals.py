"""Signals while Ray runs: a first one is noted, a second one leaves at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


class Leave(BaseException):
    """Ends Tune's loop at once; not an ``Exception``, so that nothing in between answers it."""


@contextlib.contextmanager
def leaving() -> Iterator[None]:
    """Where ``Leave`` ends. Raised by a signal's handler inside Ray's compiled code, it comes out as the cause of a SystemError."""
    try:
        yield
    except Leave:
        return
    except SystemError as error:
        if not isinstance(error.__cause__, Leave):
            raise


def take_signals(handler: Callable[[int, Any], None]) -> Callable[[], None]:
    """A function that points INT, TERM and USR1 at ``handler``, where that is possible (in the main thread)."""

    def take() -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
                signal.signal(number, handler)

    return take
