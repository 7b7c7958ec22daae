"""Perch's own trainable on a real Ray, from structures to ``best/`` and to predictions: one finished run, read by all tests."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pandas as pd
import pytest
import torch
from tests.integration.conftest import as_before

from perch import Run, run
from perch.data.prepare import read_structures
from perch.predict.predict import predict
from perch.study import parse

EPOCHS = 3
STUDY = {
    "name": "slabs", "data": {"source": "toy", "select": "count=40"}, "epochs": EPOCHS, "strategy": "asha", "seed": 5,
    "space": {
        "lr": {"float": [0.003, 0.03], "log": True}, "atom_embedding_size": {"choice": [8, 12]}, "num_graph_conv_layers": 1,
        "fc_feat_size": 8, "batch_size": 8,
    },
    "budget": {"trials": 6}, "confirm": {"top": 2, "seeds": 1}, "log": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(shared_ray: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    with as_before():
        found: Run = run(parse(STUDY), out=tmp_path_factory.mktemp("graphs"), run_id="r")
    assert found.summary["status"] == "done", found.summary["reason"]
    return found


@pytest.fixture(scope="module")
def table(finished: Run) -> pd.DataFrame:
    """The run's own predictions for every structure."""
    return pd.read_parquet(finished.folder / "best" / "predictions.parquet")


@pytest.fixture(scope="module")
def structures(finished: Run) -> Path:
    """The run's structures, as somebody would bring them."""
    found = read_structures(finished.study.data, base=Path(finished.study.base))
    frames = []
    for name, atoms in zip(found.ids, found.atoms, strict=True):
        frame = atoms.copy()
        frame.info = {"id": name}
        frames.append(frame)
    path = finished.folder / "brought.extxyz"
    ase.io.write(path, frames)
    return path


def test_workers_report_errors_in_ev_seconds_and_their_device(finished: Run) -> None:
    curves = finished.curves
    columns = ["epoch_s", "train_mae_ev", "validation_mae_ev", "test_mae_ev", "lr", "peak_memory_bytes"]
    assert curves[columns].notna().all(axis=None) and (curves[columns] > 0).all(axis=None)
    assert curves["device"].str.startswith(("cpu", "cuda")).all()
    assert set(finished.trials["status"]) <= {"completed", "stopped"} and finished.summary["failed"] == 0
    assert (finished.trials["phase"] == "search").sum() == 6 and (finished.trials["phase"] == "confirm").sum() == 2


def test_every_model_of_best_loads_with_weights_only(finished: Run) -> None:
    best = finished.folder / "best"
    folders = [best, *sorted((best / "ensemble").iterdir())]
    assert len(folders) == 5
    for folder in folders:
        content = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
        tensors = content["folds"][0]["network"].values()
        assert tensors and all(torch.isfinite(t).all() for t in tensors)
    assert json.loads((best / "config.json").read_text())["trial_id"] == finished.summary["best"]["trial_id"]


def test_predictions_for_the_runs_own_structures_are_the_runs_own(
    table: pd.DataFrame, finished: Run, structures: Path
) -> None:
    predictions, _ = predict(finished.folder, structures, device="cpu")
    assert [p.id for p in predictions] == table["id"].tolist()
    np.testing.assert_allclose([p.energy_ev for p in predictions], table["prediction_ev"], atol=1e-5)
    np.testing.assert_allclose([p.deviation_ev for p in predictions], table["deviation_ev"], atol=1e-5)
    [*only], _ = predict(finished.folder, structures, top=1, device="cpu")
    np.testing.assert_allclose([p.energy_ev for p in only], table["best_prediction_ev"], atol=1e-5)


def test_so_are_those_of_the_command(
    table: pd.DataFrame, finished: Run, structures: Path, perch_here: Callable[..., tuple[int, str]]
) -> None:
    code, said = perch_here("predict", finished.folder, structures, "--device", "cpu")
    assert code == 0, said
    rows = list(csv.DictReader(io.StringIO(said.partition("warning:")[0])))
    assert [row["id"] for row in rows] == table["id"].tolist()
    np.testing.assert_allclose([float(row["energy_ev"]) for row in rows], table["prediction_ev"], atol=6e-5)


@pytest.mark.parametrize("side", ["validation", "test"])
def test_errors_in_the_summary_are_those_of_the_models_that_lie_in_best(
    table: pd.DataFrame, finished: Run, side: str
) -> None:
    rows = table[table["split"] == side]
    error_ev = (rows["best_prediction_ev"] - rows["target_ev"]).abs().mean()
    best = finished.summary["best"]
    assert best[f"{side}_mae_ev"] == pytest.approx(error_ev, rel=1e-4)
    at_best = finished.curves.query("trial_id == @best['trial_id'] and epoch == @best['epoch']")
    assert at_best[f"{side}_mae_ev"].tolist() == [best[f"{side}_mae_ev"]]


def test_a_confirmed_value_is_that_of_its_own_training(finished: Run) -> None:
    confirmed = finished.trials[finished.trials["phase"] == "confirm"].set_index("confirms")
    best = finished.summary["best"]
    assert best["confirmed"]["seeds"] == 1
    mine = confirmed.loc[best["trial_id"]]
    assert best["confirmed"]["validation_mae_ev"] == mine["best_validation_mae_ev"]
    assert (mine["epochs"], mine["config"]["lr"]) == (EPOCHS, best["config"]["lr"])
    assert best["confirmed"]["validation_mae_ev"] == confirmed["best_validation_mae_ev"].min()


def test_the_mean_predictors_error_is_that_of_the_training_sets_mean(table: pd.DataFrame, finished: Run) -> None:
    train, validation = (table[table["split"] == side]["target_ev"] for side in ("train", "validation"))
    expected = (validation - train.mean()).abs().mean()
    assert finished.summary["baselines"]["mean"] == pytest.approx(expected, rel=1e-6)
