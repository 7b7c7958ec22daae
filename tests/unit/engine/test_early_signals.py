"""A USR1 that comes before a run listens reaches it; one after its end does not kill the command."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from perch.engine.signals import TAKEN, handlers_restored, note_early, take_signals


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    with handlers_restored():
        yield


def test_a_signal_before_the_run_listens_reaches_it_once() -> None:
    note_early()
    os.kill(os.getpid(), signal.SIGUSR1)
    heard: list[int] = []
    take = take_signals(lambda number, _: heard.append(number))
    take()
    take()
    assert heard == [signal.SIGUSR1]
    os.kill(os.getpid(), signal.SIGUSR1)
    assert heard == [signal.SIGUSR1] * 2


@pytest.mark.usefixtures("hears_hangups")
def test_a_signal_after_the_run_changes_nothing() -> None:
    note_early()
    heard: list[int] = []
    with handlers_restored():
        take_signals(lambda number, _: heard.append(number))()
    os.kill(os.getpid(), signal.SIGUSR1)
    assert heard == []
    take_signals(lambda *_: None)()  # nothing is left for other tests
    assert all(callable(signal.getsignal(number)) for number in TAKEN)
