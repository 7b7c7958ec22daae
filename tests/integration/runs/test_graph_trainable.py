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
    "budget": {"trials": 6}, "confirm": {"top": 2, "seeds": 2}, "log": [],
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
    assert (finished.trials["phase"] == "search").sum() == 6 and (finished.trials["phase"] == "confirm").sum() == 6


def test_every_model_of_best_loads_with_weights_only(finished: Run) -> None:
    best = finished.folder / "best"
    folders = [best, *sorted((best / "ensemble").iterdir()), *sorted((best / "runners-up").iterdir())]
    assert [len(folders), len(list((best / "runners-up").iterdir()))] == [4, 2], (
        "two fresh seeds, two other configurations"
    )
    for folder in folders:
        content = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
        tensors = content["folds"][0]["network"].values()
        assert tensors and all(torch.isfinite(t).all() for t in tensors)
    assert json.loads((best / "config.json").read_text())["trial_id"] == finished.summary["winner"]["trial_id"]


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
    rows = list(csv.DictReader(io.StringIO(said.partition("winner:")[0])))
    assert [row["id"] for row in rows] == table["id"].tolist()
    np.testing.assert_allclose([float(row["energy_ev"]) for row in rows], table["prediction_ev"], atol=6e-5)


@pytest.mark.parametrize("side", ["validation", "test"])
def test_errors_of_a_training_are_those_of_its_model_in_best(table: pd.DataFrame, finished: Run, side: str) -> None:
    rows = table[table["split"] == side]
    error_ev = (rows["best_prediction_ev"] - rows["target_ev"]).abs().mean()
    about = json.loads((finished.folder / "best" / "config.json").read_text())
    assert about[f"{side}_mae_ev"] == pytest.approx(error_ev, rel=1e-4)
    at_best = finished.curves.query("trial_id == @about['training'] and epoch == @about['epoch']")
    assert at_best[f"{side}_mae_ev"].tolist() == [about[f"{side}_mae_ev"]]


def test_the_winners_numbers_are_the_means_of_its_fresh_trainings(finished: Run) -> None:
    confirmed = finished.trials[finished.trials["phase"] == "confirm"]
    means = confirmed.groupby("confirms")["best_validation_mae_ev"].mean()
    won = finished.winner
    assert won is not None and (won["seeds"], won["trial_id"]) == (2, means.idxmin())
    mine = confirmed[confirmed["confirms"] == won["trial_id"]]
    assert won["validation_mae_ev"] == pytest.approx(mine["best_validation_mae_ev"].mean())
    assert won["test_mae_ev"] == pytest.approx(mine["test_mae_ev"].mean())
    assert (mine["epochs"] == EPOCHS).all()
    assert finished.summary["start_point"]["trial_id"] == "start", "the study names no point: the space's default"


def test_the_mean_predictors_error_is_that_of_the_training_sets_mean(table: pd.DataFrame, finished: Run) -> None:
    train, validation = (table[table["split"] == side]["target_ev"] for side in ("train", "validation"))
    expected = (validation - train.mean()).abs().mean()
    assert finished.summary["baselines"]["mean"] == pytest.approx(expected, rel=1e-6)
