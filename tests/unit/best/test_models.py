"""``best/`` of a run: whose weights lie there, where they come from, and what they predict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pandas as pd
import pytest
import torch
from tests.unit.hand_made import result, run_folder, start, trial

from perch.best.models import leading, write_best
from perch.data.prepare import prepare
from perch.log.folder import RunFolder
from perch.predict.ensemble import load_ensemble
from perch.record import load
from perch.study import parse
from perch.training.loop import Training
from perch.training.weights import keep, kept_of, read_model

EPOCHS = 3


class SmallRun:
    """A finished run on a file of small slabs; its trials were really trained, and their weights kept as asked."""

    def __init__(self, path: Path, structures: list[Any]) -> None:
        self.path, self.cache = path, path / "cache"
        frames = []
        for n, atoms in enumerate(structures):
            frame = atoms.copy()
            frame.info = {
                "id": f"s{n:02d}",
                "y": float((atoms.positions[-1, 2] - atoms.positions[-2, 2] - 1.2) ** 2 * 8 + n % 3),
            }
            frames.append(frame)
        path.mkdir()
        ase.io.write(path / "slabs.extxyz", frames)
        self.study = parse({
            "name": "small", "epochs": EPOCHS, "strategy": "rs", "seed": 3, "confirm": {"top": 0}, "base": str(path),
            "data": {
                "source": "extxyz", "path": "slabs.extxyz", "target": "y", "adsorbate": {"tags": "ase"},
                "cutoff_angstrom": 4.0, "max_neighbors": 6, "split": {"group": "none", "train": 0.4, "validation": 0.2, "test": 0.4},
            },
            "space": {
                "lr": {"float": [0.001, 0.1]}, "atom_embedding_size": 4, "num_graph_conv_layers": 1, "fc_feat_size": 4,
                "batch_size": 6,
            },
        })  # fmt: skip
        self.prepared = prepare(self.study.data, base=path, cache=self.cache)
        self.folder = RunFolder(path / "run")
        self.events: list[dict[str, Any]] = [{"e": "attempt", "used_s": 0.0, "baselines": {"mean": 1.0}}]
        self.states: dict[str, dict[int, Any]] = {}

    def config(self, lr: float) -> dict[str, Any]:
        return {**self.study.search_space.draw(0, 0), "lr": lr}

    def train(self, name: str, lr: float, values: list[float], *, segments: int = 1, phase: str = "search") -> None:
        """A trial that reports ``values``, which need not be what its network is worth."""
        ordinal = len(self.states)
        config = self.config(lr)
        training = Training(self.prepared, config, epochs=EPOCHS, seed=3, key=name, threads=1)
        self.states[name] = {}
        more = {"phase": phase} if phase != "search" else {}
        self.events += [{**trial("00000", config, 1.0, **more), "id": name, "i": ordinal}, start(name, 1.0)]
        for epoch, value in enumerate(values, 1):
            training.epoch()
            self.states[name][epoch] = kept_of(training, trial=name, value=value)
            last = epoch == len(values)
            metrics = {"validation_mae_ev": value, "test_mae_ev": value + 0.5}
            x = (
                {"x": {"donor": name, "seg": 0, "epoch": epoch, "config": config}}
                if segments > 1 and epoch == 1
                else {}
            )
            decision = "stop" if last else "exploit" if x else "go"
            segment = 1 if segments > 1 and epoch > 1 else 0
            self.events.append(result(name, epoch, value, 1.0 + epoch, decision, m=metrics, seg=segment, **x))

    def keep(self, name: str, epoch: int) -> None:
        """Leave weights as a leading trial does."""
        keep(self.folder.weights, self.states[name][epoch])

    def finish(self) -> None:
        run_folder(self.folder.path, self.study, [*self.events, {"e": "close", "why": "done", "used_s": 9.0}])

    def predictions_of(self, name: str, epoch: int) -> np.ndarray:
        """What a trial's network predicted after an epoch."""
        training = Training(self.prepared, self.states[name][epoch].config, epochs=EPOCHS, seed=3, key=name, threads=1)
        for fold, saved in zip(training.folds, self.states[name][epoch].folds, strict=True):
            fold.load(saved)
        return training.predict(self.prepared.graphs)

    def write(self) -> list[str]:
        return write_best(self.study, self.folder, self.cache)

    @property
    def table(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder.best / "predictions.parquet")


@pytest.fixture
def small(tmp_path: Path, structures: list[Any]) -> SmallRun:
    return SmallRun(tmp_path / "small", structures)


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
    small.train("00000", 0.01, [0.5, 0.1], segments=2)
    small.train("00001", 0.02, [0.3])
    small.finish()
    assert small.write() == [
        "no weights of trial 00000: they were not kept, and its 2 segments cannot be trained again on their own"
    ]
    assert json.loads((small.folder.best / "config.json").read_text())["trial_id"] == "00001"
    assert not (small.folder.best / "ensemble").exists()


def test_the_best_stands_first_the_next_four_after_it_and_no_sixth(small: SmallRun) -> None:
    values = [0.6, 0.3, 0.5, 0.2, 0.4, 0.7]
    for n, value in enumerate(values):
        small.train(f"{n:05d}", 0.01 + 0.001 * n, [value])
    small.train("confirm-00003-0", 0.01, [0.01], phase="confirm")
    small.finish()
    assert small.write() == []
    models = load_ensemble(small.folder.path, device="cpu")
    assert [m.about["trial_id"] for m in models] == ["00003", "00001", "00004", "00002", "00000"]
    table = small.table
    each = np.stack([small.predictions_of(m.about["trial_id"], 1) for m in models])
    np.testing.assert_allclose(table["prediction_ev"], each.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(table["deviation_ev"], each.std(axis=0, ddof=1), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(table["best_prediction_ev"], each[0], rtol=1e-6)


def test_the_trial_that_the_summary_names_stands_first_whatever_its_value_in_the_search(small: SmallRun) -> None:
    """Confirmed with fresh seeds another trial is the best."""
    small.train("00000", 0.01, [0.2])
    small.train("00001", 0.02, [0.3])
    small.events.append({"e": "confirm", "trials": ["00000", "00001"], "used_s": 5.0})
    for name, value in (("00000", 0.9), ("00001", 0.25)):
        began = trial("00000", small.config(0.01), 6.0, phase="confirm", of=name, repeat=0)
        small.events += [
            {**began, "id": f"confirm-{name}-0"},
            result(
                f"confirm-{name}-0", EPOCHS, value, 7.0, "stop", m={"validation_mae_ev": value, "test_mae_ev": value}
            ),
        ]
    small.finish()
    run = load(small.folder.path)
    assert [row["trial_id"] for row in leading(run)] == ["00001", "00000"]
    small.write()
    assert json.loads((small.folder.best / "config.json").read_text())["trial_id"] == "00001"


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
