"""While a run goes on its rungs are judged by the full curves so far; a better setting is named only where it is one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.rehearse.made import table

from perch.log.folder import RunFolder
from perch.record import load
from perch.rehearse import during
from perch.rehearse.during import another_setting, candidates, curves_so_far, look, setting_of
from perch.report.advised import advised

RECORDED = Path(__file__).parents[3] / "studies/recorded"


def runs(root: Path, study: str, *names: str) -> RunFolder:
    """Copies of recorded runs in one folder; the first is the one that goes on."""
    for name in names:
        shutil.copytree(RECORDED / study / "runs" / name, root / name)
    return RunFolder(root / names[0])


def test_with_too_few_full_curves_nothing_is_said(tmp_path: Path) -> None:
    assert look(runs(tmp_path, "study-both", "asha-0")) is None


def test_earlier_runs_of_the_same_space_help_and_others_do_not(tmp_path: Path) -> None:
    folder = runs(tmp_path, "study-both", "asha-0", "rs-0")
    shutil.copytree(RECORDED / "study-cmr/runs/rs-0", tmp_path / "other")
    found, names = curves_so_far(load(folder.path))
    assert names == ["asha-0", "rs-0"]
    assert 20 <= len(found.full) < 60
    (tmp_path / "rs-0" / "curves.parquet").write_text("torn")
    assert curves_so_far(load(folder.path))[1] == ["asha-0"]


def test_blind_rungs_are_named_and_no_setting_is_praised_that_a_rehearsal_does_not_find_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the embedded data epochs 1 and 3 are blind, and yet ASHA's first rung there sorts out what never learns."""
    monkeypatch.setattr(during, "SEEDS", (4, 4))
    folder = runs(tmp_path, "study-both", "asha-0", *(f"rs-{k}" for k in range(10)))
    found = look(folder)
    assert found is not None
    assert found["blind"] == [1, 3]
    assert found["better"] is None
    assert "epochs 1 and 3 are nearly blind" in found["says"][1]
    folder.advice.write_text(json.dumps(found))
    shown = advised(folder.path)
    assert [kind for kind, _ in shown] == ["plain", "warning", "warning"]
    assert "epoch 9 0.4" in shown[0][1]


def test_a_setting_that_is_better_is_named_with_how_much(tmp_path: Path) -> None:
    """Up to epoch 8 the order misleads, from epoch 9 on it is final: a first rung at 9 must win, by more than its intervals."""
    plain = table(3000, 27, seconds=np.full((3000, 27), 0.3))
    values = np.where(np.arange(27) < 8, 5 - plain.values[:, -1:], plain.values[:, -1:])
    run = load(runs(tmp_path, "study-both", "asha-0").path)
    better, sentence = another_setting(replace(plain, values=values), run, [1, 3])
    assert better is not None
    assert better["strategy"] == "asha+grace_period=9"
    assert 0 < better["low"] < better["gain"] < better["high"]
    assert better["record"] < better["gain"]
    assert sentence.startswith("asha+grace_period=9 would be better by")


def test_a_budget_too_large_for_the_side_is_left_to_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(during, "MOST_EPOCHS", 100)
    folder = runs(tmp_path, "study-both", "asha-0", *(f"rs-{k}" for k in range(10)))
    found = look(folder)
    assert found is not None
    assert "perch rehearse" in found["says"][2]


def test_candidates_begin_later_and_a_searcher_becomes_random(tmp_path: Path) -> None:
    run = load(runs(tmp_path, "study-both", "asha-0", "asha-bo-0", "rs-0").path)
    labels = [v.label for v in candidates(run, 81, [1])]
    assert labels == ["asha", "asha+grace_period=3", "asha+grace_period=9", "asha+grace_period=27", "rs"]
    assert candidates(load(tmp_path / "asha-bo-0"), 27, [1])[0].label == "asha"
    assert candidates(load(tmp_path / "rs-0"), 27, [1]) == []
    found, _ = curves_so_far(load(tmp_path / "rs-0"))
    assert setting_of(found, run).workers == 2
    assert setting_of(found, run).time_s == 180.0
