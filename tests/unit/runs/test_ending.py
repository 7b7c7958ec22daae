"""What ends an attempt before its budget does: the stop file, the job's end, a newer attempt."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perch.log.folder import RunFolder
from perch.runs.ending import END_MARGIN_S, look_for_an_end


class Campaign:
    """Keeps the first reason, as the real one does."""

    ending: str | None = None
    why = ""

    def end(self, ending: str, why: str) -> None:
        if self.ending is None:
            self.ending, self.why = ending, why


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Attempt 2 of a run; ``newer`` is what its log says of others."""
    monkeypatch.delenv("PERCH_END_TIME", raising=False)
    made = SimpleNamespace(campaign=Campaign(), folder=RunFolder(tmp_path), newer=None, due=lambda what, every_s: True)
    made.log = SimpleNamespace(attempt=2, superseded=lambda: made.newer)
    return made


def test_an_undisturbed_attempt_goes_on(attempt: Any) -> None:
    look_for_an_end(attempt)
    assert attempt.campaign.ending is None


@pytest.mark.parametrize("text", ["", "2", "2\n"])
def test_a_stop_file_for_whichever_attempt_runs_or_for_this_one_interrupts(attempt: Any, text: str) -> None:
    attempt.folder.stop.write_text(text)
    look_for_an_end(attempt)
    assert (attempt.campaign.ending, attempt.campaign.why) == ("interrupted", "a stop file asked for it")


@pytest.mark.parametrize("text", ["1", "3", "12"])
def test_a_stop_file_for_another_attempt_is_not_ours(attempt: Any, text: str) -> None:
    attempt.folder.stop.write_text(text)
    look_for_an_end(attempt)
    assert attempt.campaign.ending is None


@pytest.mark.parametrize(("left_s", "ends"), [(END_MARGIN_S + 3600, False), (END_MARGIN_S - 1, True), (-1, True)])
def test_a_run_saves_and_leaves_shortly_before_its_job_ends(
    attempt: Any, monkeypatch: pytest.MonkeyPatch, left_s: float, ends: bool
) -> None:
    monkeypatch.setenv("PERCH_END_TIME", str(time.time() + left_s))
    look_for_an_end(attempt)
    assert attempt.campaign.ending == ("interrupted" if ends else None)
    assert not ends or "the job's time" in attempt.campaign.why


def test_a_newer_attempt_takes_the_run_over(attempt: Any) -> None:
    attempt.newer = 3
    look_for_an_end(attempt)
    assert (attempt.campaign.ending, attempt.campaign.why) == ("superseded", "attempt 3 has taken this run over")


def test_newer_attempts_are_looked_for_every_two_seconds_since_a_shared_disk_is_slow(attempt: Any) -> None:
    asked: list[tuple[str, float]] = []

    def due(what: str, every_s: float) -> bool:
        asked.append((what, every_s))
        return False

    attempt.due, attempt.newer = due, 3
    look_for_an_end(attempt)
    assert attempt.campaign.ending is None and asked == [("superseded", 2.0)]
