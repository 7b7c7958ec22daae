"""What ends an attempt before its budget does: the stop file, the job's end, a newer attempt, a full disk."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perch.log.folder import RunFolder
from perch.runs import ending
from perch.runs.ending import CLOSING_S, END_MARGIN_S, KEEP_FREE_BYTES, free_bytes, look_for_an_end, stay_s


class Campaign:
    """Keeps the first reason, as the real one does; epochs of it take ``epoch_s``, checkpoints no time."""

    ending: str | None = None
    why = ""
    stay_s: float | None = None
    epoch_s: float | None = None
    insurance = SimpleNamespace(save_s=0.0)

    def end(self, ending: str, why: str, stay_s: float | None = None) -> None:
        if self.ending is None:
            self.ending, self.why, self.stay_s = ending, why, stay_s


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Attempt 2 of a run; ``newer`` is what its log says of others."""
    monkeypatch.delenv("PERCH_END_TIME", raising=False)
    monkeypatch.delenv("PERCH_GRACE_S", raising=False)
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
    assert attempt.campaign.stay_s is None, "nobody said until when it may stay"


@pytest.mark.parametrize("text", ["1", "3", "12"])
def test_a_stop_file_for_another_attempt_is_not_ours(attempt: Any, text: str) -> None:
    attempt.folder.stop.write_text(text)
    look_for_an_end(attempt)
    assert attempt.campaign.ending is None


@pytest.mark.parametrize(
    ("epoch_s", "left_s", "ends"),
    [
        (None, END_MARGIN_S + 100, False),
        (None, END_MARGIN_S - 1, True),
        (None, -1, True),
        (1.0, END_MARGIN_S + 100, False),
        (100.0, 1.5 * 100 + CLOSING_S + 60, False),
        (100.0, 1.5 * 100 + CLOSING_S - 1, True),
    ],
)
def test_a_run_leaves_while_running_epochs_can_still_end_before_the_job_does(
    attempt: Any, monkeypatch: pytest.MonkeyPatch, epoch_s: float | None, left_s: float, ends: bool
) -> None:
    monkeypatch.setenv("PERCH_END_TIME", str(time.time() + left_s))
    attempt.campaign.epoch_s = epoch_s
    look_for_an_end(attempt)
    assert attempt.campaign.ending == ("interrupted" if ends else None)
    if ends:
        assert "the job's time" in attempt.campaign.why
        assert max(left_s - CLOSING_S, 0) - 60 <= attempt.campaign.stay_s <= max(left_s - CLOSING_S, 0)


def test_an_attempt_that_is_told_to_leave_stays_at_most_until_whatever_comes_first(
    attempt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stay_s() is None
    monkeypatch.setenv("PERCH_GRACE_S", "120")
    assert stay_s() == 120 - CLOSING_S
    monkeypatch.setenv("PERCH_END_TIME", str(time.time() + 7200))
    assert stay_s() == 120 - CLOSING_S
    monkeypatch.setenv("PERCH_END_TIME", str(time.time() - 5))
    assert stay_s() == 0.0


def test_a_newer_attempt_takes_the_run_over(attempt: Any) -> None:
    attempt.newer = 3
    look_for_an_end(attempt)
    assert (attempt.campaign.ending, attempt.campaign.why) == ("superseded", "attempt 3 has taken this run over")


@pytest.mark.parametrize(("free", "ends"), [(KEEP_FREE_BYTES, False), (KEEP_FREE_BYTES - 1, True), (None, False)])
def test_a_disk_that_is_nearly_full_ends_the_attempt_while_its_last_event_fits(
    attempt: Any, monkeypatch: pytest.MonkeyPatch, free: int | None, ends: bool
) -> None:
    monkeypatch.setattr(ending, "free_bytes", lambda path: free)
    look_for_an_end(attempt)
    assert attempt.campaign.ending == ("full" if ends else None)
    assert not ends or "2.0 MB are free" in attempt.campaign.why


def test_what_is_free_is_what_the_file_system_says(tmp_path: Path) -> None:
    stats = os.statvfs(tmp_path)
    assert free_bytes(tmp_path) == pytest.approx(stats.f_bavail * stats.f_frsize, rel=0.2)
    assert free_bytes(tmp_path / "nowhere") is None


def test_what_costs_a_look_at_a_shared_disk_is_looked_at_every_two_seconds(attempt: Any) -> None:
    asked: list[tuple[str, float]] = []

    def due(what: str, every_s: float) -> bool:
        asked.append((what, every_s))
        return False

    attempt.due, attempt.newer = due, 3
    look_for_an_end(attempt)
    assert attempt.campaign.ending is None and asked == [("superseded", 2.0), ("disk", 2.0)]
