"""The live view's snapshot of a campaign that really goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.campaign.test_campaign import opened, step, study

from perch.engine.inline import InlineEngine
from perch.view.shown import Snapshot
from perch.view.snapshot import snapshot


def snapshots(path: Path, spec: Any, slots: int) -> list[Snapshot]:
    """One at every epoch."""
    folder, campaign, log = opened(path, spec)
    taken: list[Snapshot] = []

    def between(*words: Any) -> dict[str, Any]:
        taken.append(snapshot(folder, spec, campaign, {}, 0.0))
        return step(*words)

    InlineEngine(campaign, folder, log.attempt, between, slots=slots).fit()
    log.close()
    return taken


def test_trials_that_the_end_of_the_time_cut_off_do_not_run_while_the_best_are_confirmed(tmp_path: Path) -> None:
    taken = snapshots(tmp_path / "run", study(strategy="rs", budget={"time": 1.0}, confirm={"top": 2, "seeds": 4}), 3)
    searching, confirming = ([s for s in taken if s.phase == phase] for phase in ("search", "confirm"))
    assert searching and confirming
    assert {s.trials["running"] for s in searching} == {3}
    assert all(not s.trials["running"] and s.trials["interrupted"] for s in confirming)
    for one in taken:
        assert one.workers_busy == len(one.running) <= one.workers == 3
    assert all(trial.startswith("confirm-") for trial, _ in confirming[-1].running)
