"""Signals while Ray runs: how a run sets its handlers, and ``Leave``, which ends Tune's loop at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


class Leave(BaseException):
    """Ends Tune's loop at once; not an ``Exception``, so that no ``except Exception`` in between catches it."""


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


TAKEN = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextlib.contextmanager
def handlers_restored() -> Iterator[None]:
    """Leave the signals' handlers as they were: a program, or a notebook, that calls a run lives on after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in TAKEN}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: it was not set from Python, and cannot be set again from it
                signal.signal(number, handler)


def take_signals(handler: Callable[[int, Any], None]) -> Callable[[], None]:
    """A function that points INT, TERM and USR1 at ``handler``, where that is possible (in the main thread)."""

    def take() -> None:
        if threading.current_thread() is threading.main_thread():
            for number in TAKEN:
                signal.signal(number, handler)

    return take
