"""Which signals a run takes, which it leaves to whoever started it, and which of them end it at once."""

import signal
import subprocess
import sys
import threading

import pytest

from perch.engine.signals import TAKEN, handlers_restored, hangup_blocked, is_a_second, take_signals


@pytest.fixture
def handler():
    """What a run sets, with all handlers as they were afterwards."""
    with handlers_restored():
        for number in TAKEN:
            signal.signal(number, signal.SIG_DFL)
        yield lambda number, frame: None


def test_a_run_takes_what_asks_it_to_leave_a_closing_terminal_too(handler):
    take_signals(handler)()
    assert {signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)} == {handler}


def test_a_hangup_that_nohup_ignores_stays_ignored(handler):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    take = take_signals(handler)
    take()
    take()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is handler


def test_handlers_are_as_they_were_after_a_run(handler):
    with handlers_restored():
        take_signals(handler)()
    assert {signal.getsignal(number) for number in TAKEN} == {signal.SIG_DFL}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_second_signal_ends_a_run_at_once_but_no_second_hangup(number):
    assert not is_a_second(number, 0)
    assert is_a_second(number, 1)
    assert not is_a_second(signal.SIGHUP, 0)
    assert not is_a_second(signal.SIGHUP, 1), "the shell and the system send one each when a terminal closes"


def test_processes_started_while_hangup_is_blocked_outlive_it_and_the_parent_gets_its_own_afterwards(handler):
    came = []
    signal.signal(signal.SIGHUP, lambda number, frame: came.append(number))
    said = "import os, signal; os.kill(os.getpid(), signal.SIGHUP); print('alive')"
    with hangup_blocked():
        child = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=False)
        signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
        assert not came
    assert child.stdout == "alive\n"
    assert came == [signal.SIGHUP]
