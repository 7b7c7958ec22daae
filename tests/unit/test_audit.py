"""The audit's sample and its weights; training itself is tested with the command."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perch.audit import Sample, assemble, audit, draw_sample
from perch.errors import RecordError
from perch.record import Run
from perch.study import parse


def _trials() -> pd.DataFrame:
    stopped = [{"trial_id": f"a{i:02d}", "status": "stopped", "epochs": 1} for i in range(60)]
    later = [{"trial_id": f"b{i:02d}", "status": "stopped", "epochs": 3} for i in range(20)]
    ended = [
        {"trial_id": f"c{i}", "status": s, "epochs": 9} for i, s in enumerate(["completed", "completed", "failed"])
    ]
    return pd.DataFrame([*stopped, *later, *ended])


def test_the_sample_is_stratified_by_rung_and_belongs_to_the_seed() -> None:
    sample = draw_sample(_trials(), 16, seed=3)
    assert {e: len(n) for e, n in sample.chosen.items()} == {1: 12, 3: 4} and sample.sizes == {1: 60, 3: 20}
    assert draw_sample(_trials(), 16, seed=3) == sample != draw_sample(_trials(), 16, seed=4)
    assert sample.weight(1) == 5.0 and sum(sample.weight(e) * len(n) for e, n in sample.chosen.items()) == 80


def test_every_stratum_has_two_at_least() -> None:
    sample = draw_sample(_trials(), 3, seed=0)
    assert all(len(n) >= 2 for n in sample.chosen.values())


def test_completed_trials_stand_for_themselves_and_audited_ones_for_their_stratum() -> None:
    trials = _trials()
    curves = pd.DataFrame(
        [
            {"trial_id": t, "segment": 0, "epoch": e, "validation_mae_ev": 1.0 / e}
            for t in ("c0", "c1")
            for e in range(1, 10)
        ]
        + [{"trial_id": "a00", "segment": 0, "epoch": 1, "validation_mae_ev": 1.5}]
    )
    sample = Sample({1: ["a00", "a01"]}, {1: 60})
    trained = {"a00": [1.5, *[1.2] * 8], "a01": [1.4, 1.3]}  # the second diverged after two epochs
    values, weights, strata = assemble(curves, trials, sample, trained, "validation_mae_ev", 9)
    assert values.shape == (4, 9) and weights.tolist() == [1, 1, 30, 30] and strata.tolist() == [0, 0, 1, 1]
    assert values.loc["a01", 9] == 1.5  # ranks last
    assert values.loc["c0"].tolist() == pytest.approx([1 / e for e in range(1, 10)])
    turned, _, _ = assemble(curves, trials, sample, trained, "validation_mae_ev", 9, sign=-1.0)
    assert turned.loc["a01", 9] == -float(np.min([1 / 9])) == turned.to_numpy().max()


@pytest.mark.parametrize(
    "trials", [pd.DataFrame(), pd.DataFrame({"trial_id": ["a"], "phase": "search", "status": "completed"})]
)
def test_a_run_without_a_stopped_trial_is_refused_in_words(trials: pd.DataFrame, tmp_path: Path) -> None:
    run = Run(tmp_path, {"strategy": "rs"}, parse({}))
    vars(run)["trials"] = trials  # read at the first look otherwise
    with pytest.raises(RecordError, match="was stopped early"):
        audit(run, 10, tmp_path, print)
