"""Exports read back with the tools that they are for."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.unit.report import example

from perch.errors import RecordError
from perch.export.plain import to_csv
from perch.export.to_mlflow import to_mlflow
from perch.export.to_optuna import to_optuna
from perch.export.trials import as_in_space
from perch.record import load
from perch.record.reading import Run
from perch.space import parse_space


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = example.write_run(tmp_path_factory.mktemp("runs") / "asha", trials=30, epochs=9)
    trials = pd.read_parquet(folder / "trials.parquet")
    trials.loc[3, ["status", "failure", "error"]] = ["failed", "code", "ValueError: no"]
    trials.to_parquet(folder / "trials.parquet", index=False)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    (folder / "summary.json").write_text(json.dumps({**summary, "began_unix_s": 1_700_000_000.0}), encoding="utf-8")
    return load(folder)


@pytest.fixture(scope="module")
def database(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("optuna", reason="extra 'optuna' is not installed")
    file = tmp_path_factory.mktemp("optuna") / "study.db"
    assert to_optuna(run, file) == 30
    return file


@pytest.fixture
def study(database: Path) -> Any:
    import optuna

    return optuna.load_study(study_name="asha", storage=f"sqlite:///{database}")


def test_an_optuna_study_has_every_trial_with_its_values_and_state(study: Any, run: Run) -> None:
    assert study.direction.name == "MINIMIZE" and study.user_attrs["strategy"] == "asha"
    states = {"completed": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL", "diverged": "FAIL"}
    for found, row in zip(study.trials, run.trials.to_dict("records"), strict=True):
        assert found.user_attrs["trial_id"] == row["trial_id"] and found.state.name == states[row["status"]]
        assert {**found.params, "optimizer": "adam"} == row["config"]
        curve = run.curves[run.curves["trial_id"] == row["trial_id"]].set_index("epoch")["validation_mae_ev"]
        assert found.intermediate_values == pytest.approx(curve.to_dict())
        assert found.value == (pytest.approx(row["best_value"]) if row["status"] == "completed" else None)


def test_optuna_agrees_on_the_best_trial_and_on_what_matters(study: Any, run: Run) -> None:
    completed = run.trials[run.trials["status"] == "completed"]
    assert study.best_trial.user_attrs["trial_id"] == completed.sort_values("best_value")["trial_id"].iloc[0]
    assert study.best_trial.user_attrs["optimizer"] == "adam", "what is not searched is an attribute"
    failed = study.trials[3].user_attrs
    assert failed["failure"] == "code" and failed["error"] == "ValueError: no"
    assert study.trials[0].datetime_start.timestamp() == pytest.approx(1_700_000_000.0, abs=1)


def test_a_second_export_and_a_file_that_is_none_are_clear_errors(database: Path, run: Run, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="has a study 'asha' already"):
        to_optuna(run, database)
    (tmp_path / "text").write_text(
        "this is no database, and it is long enough to be seen as none" * 20, encoding="utf-8"
    )
    with pytest.raises(RecordError, match="cannot write"):
        to_optuna(run, tmp_path / "text")
    with pytest.raises(RecordError, match="cannot write"):
        to_optuna(run, tmp_path / "no folder" / "study.db")


@pytest.mark.parametrize(("module", "export"), [("optuna", to_optuna), ("mlflow", to_mlflow)])
def test_a_tool_that_is_missing_is_named_with_how_to_install_it(
    module: str, export: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RecordError) as error:
        export(run, tmp_path / "x")
    assert "pip install" in error.value.fix and not (tmp_path / "x").exists()


def test_an_mlflow_experiment_has_a_run_per_trial_with_its_curve(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    from mlflow import MlflowClient

    from perch.export.to_mlflow import address

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert to_mlflow(run, tmp_path / "ml") == 30
        client = MlflowClient(tracking_uri=address(tmp_path / "ml"))
        found = client.search_runs([client.get_experiment_by_name("asha").experiment_id])
        by_trial = {one.data.tags["trial_id"]: one for one in found}
        assert len(by_trial) == 30 and by_trial["00003"].info.status == "FAILED"
        first = run.trials.iloc[0]
        one = by_trial[first["trial_id"]]
        assert one.data.params == {key: str(value) for key, value in first["config"].items()}
        curve = client.get_metric_history(one.info.run_id, "validation_mae_ev")
        assert len(curve) == first["epochs"] and one.info.start_time == pytest.approx(1_700_000_000_000, abs=10_000)
        with pytest.raises(RecordError, match="has an experiment 'asha' already"):
            to_mlflow(run, tmp_path / "ml")


def test_csv_has_a_column_per_hyperparameter_and_a_row_per_epoch(run: Run, tmp_path: Path) -> None:
    files = to_csv(run, tmp_path / "csv")
    trials, curves = (pd.read_csv(file, dtype={"trial_id": str}) for file in files)
    assert trials["config.lr"].tolist() == pytest.approx([config["lr"] for config in run.trials["config"]])
    assert len(curves) == len(run.curves) and "config" not in curves and trials["trial_id"][0] == "00000"


def test_values_of_a_choice_of_mixed_kinds_are_those_of_the_space() -> None:
    space = parse_space({"warmup": {"choice": ["none", 5]}, "lr": {"float": [0.1, 1.0]}})
    assert as_in_space(space, "warmup", "5") == 5 and as_in_space(space, "warmup", '"none"') == "none"
    assert as_in_space(space, "lr", 0.5) == 0.5
