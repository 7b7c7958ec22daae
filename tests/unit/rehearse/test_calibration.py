"""On a recorded order of results the strategies decide exactly as the real runs did; a changed one is found out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from perch.record import load
from perch.rehearse.calibration import calibration, parity, real_runs
from perch.rehearse.run import Setting, rehearse
from perch.rehearse.tables.reader import read
from perch.rehearse.variants import variants

RECORDED = Path(__file__).parents[3] / "studies" / "recorded"


@pytest.mark.parametrize("study", ["study-both", "study-cmr"])
@pytest.mark.parametrize("strategy", ["rs", "asha", "ahb"])
def test_no_recorded_decision_differs(study: str, strategy: str) -> None:
    run = load(RECORDED / study / "runs" / f"{strategy}-0")
    found = parity(run)
    assert found.decisions > 600
    assert found.differing == ()


def test_a_strategy_with_another_setting_decides_otherwise() -> None:
    run = load(RECORDED / "study-both" / "runs" / "asha-0")
    other = replace(run, study=run.study.model_copy(update={"strategy": {"name": "asha", "reduction_factor": 4}}))
    assert len(parity(other).differing) > 10


def test_a_free_rehearsal_counts_as_the_real_runs_did() -> None:
    """Trials and epochs within a fifth: the record's configurations are not those of the real runs."""
    table = read([str(RECORDED / "study-both")])
    setting = Setting(2, 180.0, table.recorded.delays)
    for name in ("rs", "asha", "ahb"):
        (variant,) = variants([name])
        runs = [rehearse(table, variant, seed, setting) for seed in range(6)]
        found = calibration(name, real_runs(RECORDED / "study-both", name), runs, 180.0)
        assert found.real_runs == 10
        assert found.rehearsed["trials"].value == pytest.approx(found.real["trials"].value, rel=0.2)
        assert found.rehearsed["epochs"].value == pytest.approx(found.real["epochs"].value, rel=0.2)
