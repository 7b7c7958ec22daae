from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perch.report.report_data import ReportData, gather, words
from perch.study import parse


class Record:
    """A record in memory, as ``perch.record.load`` returns it."""

    def __init__(self, folder: Path, curves: pd.DataFrame, trials: pd.DataFrame, **study: object) -> None:
        self.folder, self.curves, self.trials = folder, curves, trials
        self.overheads = pd.DataFrame(columns=["activity", "seconds", "share"])
        self.summary: dict[str, object] = {"best": None, "baselines": {}}
        self.study = parse(study)


def curves(*rows: tuple[str, int, float, float], metric: str = "validation_mae_ev") -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["trial_id", "epoch", "time_s", metric])
    return table.assign(segment=0, value=table[metric])


def trials(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"trial_id": ids, "phase": "search", "config": [{} for _ in ids], "status": "completed"})


def test_an_incumbent_is_an_improvement_by_any_trial_in_the_order_of_time(tmp_path: Path) -> None:
    table = curves(("a", 1, 1.0, 0.9), ("b", 1, 2.0, 0.5), ("a", 2, 3.0, 0.7), ("a", 3, 4.0, 0.4), ("b", 2, 5.0, 0.4))
    found = gather(Record(tmp_path, table, trials("a", "b"))).incumbents
    assert found[["trial_id", "value"]].to_numpy().tolist() == [["a", 0.9], ["b", 0.5], ["a", 0.4]]


def test_more_is_better_when_the_study_says_so(tmp_path: Path) -> None:
    table = curves(("a", 1, 1.0, 0.2), ("b", 1, 2.0, 0.1), ("a", 2, 3.0, 0.8), metric="accuracy")
    found = gather(Record(tmp_path, table, trials("a", "b"), metric="accuracy", mode="max"))
    assert found.incumbents["value"].tolist() == [0.2, 0.8]


def test_a_foreign_metric_without_a_column_is_taken_from_value(tmp_path: Path) -> None:
    table = curves(("a", 1, 1.0, 0.2)).drop(columns="validation_mae_ev")
    assert gather(Record(tmp_path, table, trials("a"), metric="loss")).incumbents["value"].tolist() == [0.2]


def test_missing_values_are_never_incumbents(tmp_path: Path) -> None:
    table = curves(("a", 1, 1.0, np.nan), ("a", 2, 2.0, 0.3))
    assert gather(Record(tmp_path, table, trials("a"))).incumbents["epoch"].tolist() == [2]


def test_confirming_trials_are_kept_apart_from_the_search(tmp_path: Path) -> None:
    both = trials("a", "a-again").assign(phase=["search", "confirm"])
    table = curves(("a", 1, 1.0, 0.5), ("a-again", 1, 2.0, 0.1))
    found = gather(Record(tmp_path, table, both))
    assert (found.trials["trial_id"].tolist(), found.confirmed["trial_id"].tolist()) == (["a"], ["a-again"])
    assert found.incumbents["value"].tolist() == [0.5]


def test_collapsed_is_a_fate_of_those_who_had_time_to_learn(asha: ReportData) -> None:
    trials = asha.trials.assign(collapsed=True, status="stopped", epochs=1)
    trials.loc[1, "epochs"] = 27
    trials.loc[2, ["epochs", "status"]] = (27, "running")
    fates = replace(asha, trials=trials).fates
    assert fates[:3].tolist() == ["stopped", "collapsed", "running"], "who had no time to learn is not called collapsed"
    assert "collapsed" not in set(replace(asha, trials=trials.assign(collapsed=None)).fates)


def test_a_run_without_a_trial_has_empty_tables_and_no_best(tmp_path: Path) -> None:
    found = gather(Record(tmp_path, pd.DataFrame(), pd.DataFrame()))
    assert found.incumbents.empty
    assert found.searched == []
    assert found.best_value is None


def test_baselines_without_a_value_are_left_out_and_the_best_comes_first(asha: ReportData) -> None:
    summary = json.loads(json.dumps({**asha.summary, "baselines": {"mean": 1.4, "per": None, "ridge": 0.5}}))
    assert list(replace(asha, summary=summary).baselines.items()) == [("ridge", 0.5), ("mean", 1.4)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("validation_mae_ev", "validation MAE (eV)"),
        ("epoch_s", "epoch (s)"),
        ("lr", "learning rate"),
        ("accuracy", "accuracy"),
    ],
)
def test_columns_are_shown_in_words_with_their_unit(name: str, shown: str) -> None:
    assert words(name) == shown
