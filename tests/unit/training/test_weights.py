from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from perch.errors import RecordError
from perch.predict.ensemble import load_ensemble, load_model
from perch.training.loop import Training
from perch.training.weights import ensemble_folders, keep, kept_of, read_kept, read_model, save_best, save_model


@pytest.fixture
def trained(prepare_small, small_config):
    def make(key="a", folds=1, epochs=2, **changes):
        training = Training(prepare_small(folds=folds), small_config | changes, epochs=9, seed=0, key=key, device="cpu")
        for _ in range(epochs):
            training.epoch()
        return training

    return make


@pytest.mark.parametrize("folds", [1, 2])
def test_a_saved_model_predicts_what_the_training_predicted(trained, tmp_path, folds):
    training = trained(folds=folds)
    save_model(tmp_path / "best", training, kept_of(training, trial="00007", value=0.3), {"test_mae_ev": 0.4})
    graphs = training.prepared.graphs
    model = load_model(tmp_path / "best", "cpu")
    np.testing.assert_allclose(model.energies(model.data(graphs)), training.predict(graphs), rtol=1e-6)


def test_the_folder_says_what_the_model_is(trained, tmp_path):
    training = trained()
    save_model(tmp_path / "best", training, kept_of(training, trial="00007", value=0.3), {"test_mae_ev": 0.4})
    about = json.loads((tmp_path / "best" / "config.json").read_text())
    assert about["trial_id"] == "00007"
    assert (about["epoch"], about["value"], about["test_mae_ev"]) == (2, 0.3, 0.4)
    assert about["config"]["batch_size"] == 6
    assert about["elements"] == [1, 8, 29, 47, 78]
    assert (about["geometry"], about["fixed_atoms"]) == ("relaxed", True)
    torch.load(tmp_path / "best" / "weights.pt", weights_only=True)  # raises if it held more than tensors and numbers


def test_the_weights_are_those_that_were_kept_not_the_latest(trained, tmp_path):
    training = trained()
    before = training.predict(training.prepared.graphs)
    path = keep(tmp_path / "weights", kept_of(training, trial="1", value=0.5))
    training.epoch()
    assert not np.allclose(training.predict(training.prepared.graphs), before)
    save_model(tmp_path / "best", trained(key="other", epochs=0), read_kept(path), {})
    model = load_model(tmp_path / "best", "cpu")
    np.testing.assert_allclose(model.energies(model.data(training.prepared.graphs)), before, rtol=1e-6)


def test_keeping_again_replaces_and_leaves_one_file(trained, tmp_path):
    training = trained()
    keep(tmp_path, kept_of(training, trial="1", value=0.5))
    keep(tmp_path, kept_of(training, trial="1", value=0.4))
    assert [f.name for f in tmp_path.iterdir()] == ["1.pt"]
    kept = read_kept(tmp_path / "1.pt")
    assert (kept.value, kept.epoch, kept.model) == (0.4, 2, "cgcnn")
    assert kept.config == training.config


def test_the_members_of_an_ensemble_have_their_places(trained, tmp_path):
    models = []
    for n in range(11):
        training = trained(key=str(n), epochs=1, atom_embedding_size=4 + n)
        models.append((training, kept_of(training, trial=str(n), value=n), {}))
    save_best(tmp_path / "best", models)
    assert [m.about["trial_id"] for m in load_ensemble(tmp_path, device="cpu")] == [*map(str, range(11))]
    assert [m.about["trial_id"] for m in load_ensemble(tmp_path / "best", 2, "cpu")] == ["0", "1"]
    assert [f.relative_to(tmp_path).as_posix() for f in ensemble_folders(tmp_path / "best")] == [
        "best", *(f"best/ensemble/{n}" for n in range(2, 12)),
    ]  # fmt: skip


def test_training_structures_lie_near_and_strange_ones_far(trained, tmp_path):
    training = trained(epochs=20)
    save_model(tmp_path / "m", training, kept_of(training, trial="1", value=0.1), {})
    model = load_model(tmp_path / "m", "cpu")
    graphs = training.prepared.graphs
    distances = model.distances(model.data(graphs))
    assert distances[training.prepared.splits[0].train] == pytest.approx(0, abs=1e-3)
    squeezed = graphs.distances * np.float32(0.6)
    strange = model.distances(model.data(type(graphs)(**{**vars(graphs), "distances": squeezed})))
    assert np.median(strange) > 1 > np.median(distances)


@pytest.mark.parametrize("damage", ["missing", "garbage", "pickle"])
def test_damaged_or_dangerous_weights_are_refused(trained, tmp_path, damage):
    training = trained(epochs=1)
    save_model(tmp_path / "m", training, kept_of(training, trial="1", value=0.1), {})
    path = tmp_path / "m" / "weights.pt"
    if damage == "missing":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(path.read_bytes()[:200])
    else:
        torch.save({"folds": print}, path)
    with pytest.raises(RecordError, match="cannot read the weights"):
        read_model(tmp_path / "m")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(RecordError, match="holds no trained model"):
        load_ensemble(tmp_path)
