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


TAKEN = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
"""What asks a run to leave. SIGHUP: its terminal has gone."""


def is_a_second(number: int, signals: int) -> bool:
    """True for a signal that ends at once a run which has had ``signals`` before.

    SIGHUP never does: when a terminal closes, the shell and the system send one each.
    """
    return signals > 0 and number != signal.SIGHUP


def ignored_from_outside(number: int) -> bool:
    """True for a SIGHUP that whoever started the command wants ignored, as ``nohup`` does."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN


@contextlib.contextmanager
def hangup_blocked() -> Iterator[None]:
    """Processes that are started inside never receive SIGHUP, which a closing terminal sends to all of a command's.

    They end with the command. One that is sent to this thread meanwhile arrives afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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


_noted: list[int] = []
"""Signals that came before a run took them."""


def note_early() -> None:
    """For a process that is one command: a USR1 never kills it.

    One that comes before the run has its handlers reaches it as soon as it has; one that comes after the run has ended changes
    nothing. A batch system sends it when the time of the job runs out, whatever the command is about to do.
    """
    signal.signal(signal.SIGUSR1, lambda number, _: _noted.append(number))


def take_signals(handler: Callable[[int, Any], None]) -> Callable[[], None]:
    """A function that points INT, TERM, USR1 and HUP at ``handler``, where that is possible (in the main thread)."""

    def take() -> None:
        if threading.current_thread() is threading.main_thread():
            for number in TAKEN:
                if not ignored_from_outside(number):
                    signal.signal(number, handler)
            while _noted:
                handler(_noted.pop(0), None)

    return take
