"""The process that looks at a run's rungs is started seldom, is never waited for, and its news are said once."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from perch.log.folder import RunFolder
from perch.runs import advising as module
from perch.runs.advising import EVERY_S, FIRST_S, Advising


class Process:
    """A process that ends when it is said to."""

    stdin = None

    def __init__(self) -> None:
        self.ended = self.killed = False

    def poll(self) -> int | None:
        return 0 if self.ended else None

    def kill(self) -> None:
        self.killed = self.ended = True

    def wait(self) -> int:
        assert self.ended, "a process that still works is never waited for"
        return 0


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Advising, list[float], list[Process]]:
    monkeypatch.delenv("PERCH_REPORT", raising=False)
    started: list[Process] = []

    def popen(command: list[str], **_: Any) -> Process:
        assert command == [sys.executable, "-m", "perch.rehearse.during", str(tmp_path)]
        started.append(Process())
        return started[-1]

    monkeypatch.setattr(module.subprocess, "Popen", popen)
    (tmp_path / "logs").mkdir()
    now = [0.0]
    return Advising(RunFolder(tmp_path), lambda: now[0]), now, started


def found(better: str | None = None, blind: tuple[int, ...] = (1,)) -> str:
    return json.dumps({"says": ["a", "b"], "blind": blind, "better": better and {"strategy": better}})


def test_one_process_at_a_time_at_most_every_ten_minutes(world: Any) -> None:
    advising, now, started = world
    at = []
    for second in range(0, 3600, 2):
        now[0] = float(second)
        before = len(started)
        advising.look()
        if len(started) > before:
            at.append(second)
            started[-1].ended = True
    assert at[0] == FIRST_S
    assert all(b - a >= EVERY_S for a, b in pairwise(at))
    assert len(at) == 6
    now[0] = 1e6
    advising.look()
    now[0] = 2e6
    advising.look()
    assert len(started) == 7, "the one before still works"
    advising.close()
    assert started[-1].killed


def test_news_are_said_once_and_only_where_a_rung_is_nearly_blind(world: Any) -> None:
    advising, now, started = world

    def after(text: str | None) -> list[str]:
        now[0] += 2 * EVERY_S
        advising.look()
        if text is not None:
            advising.folder.advice.write_text(text)
        started[-1].ended = True
        return advising.look()  # type: ignore[no-any-return]

    assert after(None) == []
    assert after("{torn") == []
    assert after(found(blind=())) == []
    assert after(found()) == ["advice: a", "advice: b"]
    assert after(found()) == []
    assert after(found("asha+grace_period=9")) == ["advice: a", "advice: b"]


def test_a_comparison_is_not_disturbed_and_a_full_machine_neither(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    advising, now, started = world
    now[0] = FIRST_S
    monkeypatch.setenv("PERCH_REPORT", "0")
    advising.look()
    assert not started
    monkeypatch.delenv("PERCH_REPORT")

    def refused(*_: Any, **__: Any) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(module.subprocess, "Popen", refused)
    now[0] = 1e6
    assert advising.look() == []
    assert "no more processes" in (advising.folder.logs / "advice.log").read_text()


def test_it_ends_with_the_run_that_started_it(tmp_path: Path) -> None:
    """A run that is killed closes its end of the pipe: the process is gone before it has looked at anything."""
    code = "import sys; from perch.rehearse import during; during.look = lambda f: __import__('time').sleep(600); during.main()"
    for name in ("summary.json", "curves.parquet"):
        (tmp_path / name).write_text("")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(300) == 0
