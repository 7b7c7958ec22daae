from __future__ import annotations

import json
from pathlib import Path

import pytest

from perch.boards.source import logdir, runs_filter
from perch.errors import RecordError
from perch.study import Study, dump


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that did not follow its own log, of three trials."""
    folder = tmp_path / "run"
    (folder / "events").mkdir(parents=True)
    (folder / "study.yaml").write_text(dump(Study(log=[])), encoding="utf-8")
    events: list[dict[str, object]] = [{"e": "attempt", "n": 1, "accepts_bytes": {}, "unix_s": 1000.0, "used_s": 0.0}]
    for k, value in enumerate((0.5, 0.2, 0.9)):
        name = f"{k:05d}"
        more = {"used_s": float(k), "id": name}
        events.append({"e": "trial", "i": k, "config": {"lr": 0.01}, "bracket": 0, "by": "random", **more})
        metrics = {"validation_mae_ev": value}
        events.append({"e": "result", "seg": 0, "epoch": 1, "value": value, "d": "stop", "m": metrics, **more})
    (folder / "events" / "001.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(f.name for f in (folder / "trials").iterdir())


def test_what_was_not_written_is_made_from_the_log(run: Path) -> None:
    folder = logdir(run)
    assert folder == run / "tensorboard"
    assert names(folder) == ["00000", "00001", "00002"]


def test_the_best_are_links_beside_the_incumbent(run: Path) -> None:
    folder = logdir(run, top=2)
    assert names(folder) == ["00000", "00001"]
    assert (folder / "best").resolve() == (run / "tensorboard" / "best").resolve()
    assert all((folder / "trials" / name).is_symlink() for name in names(folder))


def test_a_rebuild_starts_from_nothing(run: Path) -> None:
    stale = logdir(run) / "trials" / "stale"
    stale.mkdir()
    assert "stale" not in names(logdir(run, rebuild=True))


def test_a_run_without_a_result_and_no_run_at_all_are_clear_errors(run: Path, tmp_path: Path) -> None:
    (run / "events" / "001.jsonl").write_text(
        json.dumps({"e": "attempt", "n": 1, "accepts_bytes": {}}) + "\n", encoding="utf-8"
    )
    with pytest.raises(RecordError, match="nothing to show"):
        logdir(run)
    with pytest.raises(RecordError, match="no run at"):
        logdir(tmp_path / "gone")


def test_the_filter_of_runs_names_the_best_and_what_is_no_trial(run: Path) -> None:
    import re

    logdir(run)
    chosen = re.compile(runs_filter(run, top=2))
    shown = ["best", "lineage/00001.2", "trials/00001", "trials/00001.2", "trials/00000"]
    assert all(chosen.search(name) for name in shown)
    assert not any(chosen.search(name) for name in ("trials/00002", "confirm/00001", "trials/000010"))
    assert runs_filter(run, top=3) == "", "where all are among the best there is nothing to filter"
