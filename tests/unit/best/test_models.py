"""``best/`` of a run: whose weights lie there, where they come from, and what they predict."""

from __future__ import annotations

import json

import ase.io
import numpy as np
import pytest
import torch
from tests.unit.best.small_run import EPOCHS, SmallRun
from tests.unit.hand_made import trial

from perch.predict.ensemble import load_ensemble
from perch.record import load
from perch.record.winner_file import read_about
from perch.training.weights import read_model


def test_weights_that_were_kept_are_those_of_the_best_epoch(small: SmallRun) -> None:
    small.train("00000", 0.01, [0.5, 0.2, 0.4])
    small.keep("00000", 2)
    small.finish()
    assert small.write() == []
    about, content = read_model(small.folder.best)
    assert (about["trial_id"], about["epoch"], about["validation_mae_ev"], about["test_mae_ev"]) == (
        "00000",
        2,
        0.2,
        0.7,
    )
    assert about["run_id"] == "run"
    kept = small.states["00000"][2].folds[0]["network"]
    assert all(torch.equal(content["folds"][0]["network"][name], tensor) for name, tensor in kept.items())


@pytest.mark.parametrize("left", ["nothing", "another epoch"])
def test_weights_that_were_not_kept_are_trained_again_with_the_trials_own_randomness(
    small: SmallRun, left: str
) -> None:
    small.train("00000", 0.01, [0.5, 0.2, 0.4])
    if left == "another epoch":
        small.keep("00000", 3)
    small.finish()
    assert small.write() == []
    np.testing.assert_allclose(small.table["best_prediction_ev"], small.predictions_of("00000", 2), rtol=1e-6)
    assert json.loads((small.folder.best / "config.json").read_text())["epoch"] == 2


def test_after_an_exploit_weights_that_were_not_kept_cannot_be_had_and_the_next_trial_leads(small: SmallRun) -> None:
    small.train("00000", 0.01, [0.5, 0.2, 0.1], segments=2)
    small.train("00001", 0.02, [0.5, 0.4, 0.3])
    small.finish()
    assert small.write() == [
        "no weights of trial 00000: they were not kept, and its 2 segments cannot be trained again on their own"
    ]
    assert json.loads((small.folder.best / "config.json").read_text())["trial_id"] == "00001"
    assert not (small.folder.best / "ensemble").exists()


def test_without_fresh_seeds_the_best_trials_that_were_trained_to_the_end_lie_there_and_no_sixth(
    small: SmallRun,
) -> None:
    values = [0.6, 0.3, 0.5, 0.2, 0.4, 0.7]
    for n, value in enumerate(values):
        small.train(f"{n:05d}", 0.01 + 0.001 * n, [0.9, 0.8, value])
    small.train("00009", 0.02, [0.01])
    small.finish()
    assert small.write() == []
    models = load_ensemble(small.folder.path, device="cpu")
    assert [m.about["trial_id"] for m in models] == ["00003", "00001", "00004", "00002", "00000"]
    assert all(m.about["trained_to_the_end"] for m in models)
    table = small.table
    each = np.stack([small.predictions_of(m.about["trial_id"], 3) for m in models])
    np.testing.assert_allclose(table["prediction_ev"], each.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(table["deviation_ev"], each.std(axis=0, ddof=1), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(table["best_prediction_ev"], each[0], rtol=1e-6)


@pytest.mark.parametrize("kept", [True, False])
def test_the_winners_fresh_seeds_are_the_ensemble_whether_their_weights_were_kept_or_not(
    raced: SmallRun, kept: bool
) -> None:
    if kept:
        for name in ("confirm-00001-1", "confirm-00001-2", "confirm-00000-1"):
            raced.keep(name, 3)
    assert raced.write() == []
    models = load_ensemble(raced.folder.path, device="cpu")
    assert [(m.about["trial_id"], m.about["training"], m.about["fresh_seed"]) for m in models] == [
        ("00001", "confirm-00001-1", 1), ("00001", "confirm-00001-2", 2),
    ]  # fmt: skip
    assert all(m.about["trained_to_the_end"] and m.about["epoch"] == EPOCHS for m in models)
    each = np.stack([raced.predictions_of(f"confirm-00001-{n}", 3) for n in (1, 2)])
    np.testing.assert_allclose(raced.table["prediction_ev"], each.mean(axis=0), rtol=1e-5)


def test_the_runner_up_lies_there_fully_trained(raced: SmallRun) -> None:
    raced.keep("confirm-00000-1", 3)
    raced.write()
    [other] = load_ensemble(raced.folder.best / "runners-up" / "00000", device="cpu")
    assert (other.about["training"], other.about["epochs"]) == ("confirm-00000-1", EPOCHS)


def test_its_own_file_gives_the_numbers_of_the_summary(raced: SmallRun) -> None:
    raced.write()
    told = read_about(raced.folder.best)
    summary = load(raced.folder.path).summary
    assert told is not None and told["winner"] == summary["winner"]
    assert told["winner"]["validation_mae_ev"] == pytest.approx(0.32) and told["note"] == ""
    errors = raced.table.assign(error=(raced.table.prediction_ev - raced.table.target_ev).abs()).groupby("split").error
    assert told["ensemble"] == pytest.approx({"validation": errors.mean()["validation"], "test": errors.mean()["test"]})


def test_a_model_that_was_stopped_early_is_there_only_where_nothing_else_is_and_that_is_said(small: SmallRun) -> None:
    small.train("00000", 0.01, [0.5, 0.4])
    small.train("00001", 0.02, [0.3])
    small.finish()
    [said] = small.write()
    assert (
        said == "no trial was trained to the end: best/ holds models that were stopped early, at epoch 2 of 3 at most"
    )
    told = read_about(small.folder.best)
    assert told is not None and told["note"] == said
    assert json.loads((small.folder.best / "config.json").read_text())["trained_to_the_end"] is False
    summary = load(small.folder.path).summary
    assert summary["winner"]["trained_to_the_end"] is False and summary["winner"]["seeds"] == 0


def test_every_structure_is_a_row_of_the_predictions(small: SmallRun) -> None:
    small.train("00000", 0.01, [0.5])
    small.finish()
    small.write()
    table, prepared = small.table, small.prepared
    assert table["id"].tolist() == list(prepared.ids) and table["formula"].tolist() == list(prepared.formulas)
    np.testing.assert_allclose(table["target_ev"], prepared.graphs.target_ev)
    assert table["size"].tolist() == np.diff(prepared.graphs.start).tolist()
    sides = prepared.splits[0]
    for name, rows in (("train", sides.train), ("validation", sides.validation), ("test", sides.test)):
        assert np.flatnonzero(table["split"] == name).tolist() == sorted(int(r) for r in rows)
    assert table["deviation_ev"].isna().all(), "one model has no deviation"
    np.testing.assert_array_equal(table["prediction_ev"], table["best_prediction_ev"])


def test_the_largest_test_errors_are_drawn_worst_first(small: SmallRun) -> None:
    small.train("00000", 0.01, [0.5])
    small.finish()
    small.write()
    test = small.table[small.table["split"] == "test"]
    error = (test["prediction_ev"] - test["target_ev"]).abs()
    expected = test.loc[error.sort_values(ascending=False, kind="stable").index, "id"].tolist()
    frames = ase.io.read(small.folder.best / "worst.extxyz", ":")
    assert len(expected) > 10 and [f.info["id"] for f in frames] == expected[:10]


def test_a_run_without_a_result_has_no_models(small: SmallRun) -> None:
    small.events += [trial("00000", small.config(0.01), 1.0)]
    small.finish()
    assert small.write() == []
    assert not small.folder.best.exists()
