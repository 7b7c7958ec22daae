"""Weights of trials that have ended and no longer lead are deleted; nobody else's are."""

from __future__ import annotations

from pathlib import Path

from tests.unit.hand_made import result, run_folder, study, trial

from perch.best.prune import prune_weights
from perch.log.folder import RunFolder
from perch.runs.resume import replay


def test_only_those_that_ended_outside_of_the_best_five(tmp_path: Path) -> None:
    """Seven trials end, the better the later; an eighth, worse than all, still trains and may become better."""
    spec = study(strategy="rs")
    events = []
    for n in range(7):
        name = f"{n:05d}"
        events += [trial(name, {"x": 0.1}, n), result(name, 3, 0.9 - 0.1 * n, n, "stop")]
    events += [trial("00007", {"x": 0.1}, 9.0), result("00007", 1, 5.0, 9.0)]
    folder = run_folder(tmp_path / "r", spec, events)
    folder.weights.mkdir()
    for n in range(8):
        (folder.weights / f"{n:05d}.pt").touch()
    (folder.weights / "notes.txt").touch()
    prune_weights(folder, replay(spec, folder))
    kept = [f"{n:05d}.pt" for n in (2, 3, 4, 5, 6, 7)]
    assert sorted(p.name for p in folder.weights.iterdir()) == [*kept, "notes.txt"]


def test_a_run_without_weights_has_nothing_to_prune(tmp_path: Path) -> None:
    spec = study()
    folder = run_folder(tmp_path / "r", spec, ())
    prune_weights(folder, replay(spec, folder))
    assert not RunFolder(folder.path).weights.exists()
