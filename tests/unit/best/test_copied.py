"""``best/`` of what is not Perch's own: the winner's checkpoints of every fresh seed, wherever they were kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.hand_made import result, run_folder, study, trial

from perch.best.copied import write_copied
from perch.log.folder import RunFolder
from perch.record import load
from perch.record.words import winner_line


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Trial 00001 wins over two fresh seeds each."""
    events: list[dict[str, Any]] = [{"e": "attempt", "used_s": 0.0}]
    for name, value in (("00000", 0.2), ("00001", 0.3)):
        events += [trial(name, {"x": value}, 1.0), result(name, 3, value, 2.0, "stop", m={"loss": value})]
    events.append({"e": "confirm", "trials": ["00000", "00001"], "start": "00000", "used_s": 3.0})
    for name, values in (("00000", (0.5, 0.6)), ("00001", (0.3, 0.35))):
        for repeat, value in enumerate(values, 1):
            fresh = trial("00000", {"x": 0.3}, 4.0, phase="confirm", of=name, repeat=repeat)
            training = f"confirm-{name}-{repeat}"
            events += [{**fresh, "id": training}, result(training, 3, value, 5.0, "stop", m={"loss": value})]
    events.append({"e": "close", "why": "done", "used_s": 9.0})
    made = RunFolder(tmp_path / "run")
    run_folder(made.path, study(), events)
    load(made.path)
    return made


def kept(place: Path, value: float, **more: Any) -> None:
    (place / "checkpoint").mkdir(parents=True)
    (place / "checkpoint" / "w.txt").write_text(str(value))
    (place / "about.json").write_text(json.dumps({"epoch": 3, "value": value, **more}))


def check(folder: RunFolder) -> None:
    best = folder.best
    assert [(p / "checkpoint" / "w.txt").read_text() for p in (best, best / "ensemble" / "2")] == ["0.3", "0.35"]
    assert json.loads((best / "config.json").read_text()) == {"x": 0.3}
    told, summary = json.loads((best / "winner.json").read_text()), load(folder.path).summary
    assert told["members"] == ["confirm-00001-1", "confirm-00001-2"]
    assert told["winner"] == summary["winner"] and told["words"] == [f"winner: {winner_line(summary)}"]


def test_of_a_class_what_it_kept_of_each_fresh_seed(folder: RunFolder) -> None:
    kept(folder.weights / "00000", 0.2)
    kept(folder.weights / "confirm-00001-1", 0.3)
    kept(folder.weights / "confirm-00001-2", 0.35)
    assert write_copied(folder) == []
    check(folder)


def test_of_a_program_what_lies_in_its_trials_folder_the_best_of_all_segments(folder: RunFolder) -> None:
    kept(folder.program_trials / "confirm-00001-1" / "best", 0.4)
    kept(folder.program_trials / "confirm-00001-1-1" / "best", 0.3)
    kept(folder.program_trials / "confirm-00001-2" / "best", 0.35)
    assert write_copied(folder) == []
    check(folder)


def test_of_a_function_the_checkpoint_that_it_reported(folder: RunFolder) -> None:
    reported = {}
    for training, value in (("confirm-00001-1", 0.3), ("confirm-00001-2", 0.35)):
        path = f"checkpoints/attempt-001/{training}"
        (folder.path / path).mkdir(parents=True)
        (folder.path / path / "w.txt").write_text(str(value))
        reported[training] = (path, 3)
    assert write_copied(folder, saves=False, reported=reported) == []
    check(folder)
    assert json.loads((folder.best / "about.json").read_text())["epoch"] == 3


def test_what_was_not_kept_is_said_and_the_configuration_is_there_all_the_same(folder: RunFolder) -> None:
    said = write_copied(folder)
    assert len(said) == 2 and all("no model of trial confirm-00001-" in text for text in said)
    assert json.loads((folder.best / "config.json").read_text()) == {"x": 0.3}
    assert write_copied(folder, saves=False) == [], "what never saves was not expected to"


def test_a_program_that_left_no_whole_checkpoint_is_named(folder: RunFolder) -> None:
    for n, value in ((1, 0.3), (2, 0.35)):
        kept(folder.program_trials / f"confirm-00001-{n}" / "best", value, checkpoint=None)
    assert [text.partition(";")[0] for text in write_copied(folder)] == [
        f"trial confirm-00001-{n} left no whole checkpoint of its best epoch" for n in (1, 2)
    ]


def test_an_older_best_is_replaced_as_a_whole(folder: RunFolder) -> None:
    kept(folder.best / "ensemble" / "5", 9.9)
    for n, value in ((1, 0.3), (2, 0.35)):
        kept(folder.weights / f"confirm-00001-{n}", value)
    write_copied(folder)
    check(folder)
    assert not (folder.best / "ensemble" / "5").exists()
