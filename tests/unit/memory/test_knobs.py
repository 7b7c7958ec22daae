"""Hyperparameters that change nothing are found without training."""

from __future__ import annotations

import pytest

from perch.memory.knobs import idle_knobs
from perch.memory.sizes import Sizes
from perch.space import parse_space
from perch.training.keys import DEFAULTS


@pytest.fixture
def idle(prepare_small):
    """Names of the dead hyperparameters of a space, and values that are the same, by name."""
    prepared = prepare_small()
    sizes = Sizes(prepared.graphs, prepared.splits)

    def look(space, epochs=9):
        found = idle_knobs("cgcnn", parse_space(space), sizes, 94, epochs)
        return {k.name for k in found if k.dead}, {k.name: k.same for k in found if not k.dead}

    return look


ALIVE = {
    "atom_embedding_size": {"int": [8, 16]}, "num_graph_conv_layers": {"int": [1, 2]}, "fc_feat_size": {"int": [8, 16]},
    "num_fc_layers": {"int": [1, 2]}, "pooling": {"choice": ["mean", "adsorbate"]}, "optimizer": {"choice": ["adam", "sgd"]},
    "lr": {"float": [0.001, 0.1]}, "batch_size": {"choice": [4, 8]}, "momentum": {"float": [0.5, 0.9]},
    "weight_decay": {"float": [0.0, 0.1]}, "lr_schedule": {"choice": ["constant", "cosine"]}, "loss": {"choice": ["l1", "mse"]},
    "cutoff_angstrom": {"float": [3.0, 4.0]}, "max_neighbors": {"choice": [3, 6]}, "ema_decay": {"choice": [0.0, 0.9]}, "clip_norm": {"choice": [0.0, 1.0]},
}  # fmt: skip


def test_every_hyperparameter_of_the_models_changes_something(idle):
    assert set(ALIVE) == set(DEFAULTS)
    assert idle(ALIVE) == (set(), {})


@pytest.mark.parametrize(
    ("space", "epochs", "dead"),
    [
        ({"lr": {"float": [0.001, 0.1]}, "lr_schedule": {"lr": [0.01, 0.001]}}, 9, "lr"),
        ({"lr_schedule": {"choice": ["constant", "cosine"]}}, 1, "lr_schedule"),
        ({"optimizer": {"choice": ["adam", "adamw"]}, "weight_decay": 0.0}, 9, "optimizer"),
        ({"max_neighbors": {"int": [40, 60]}, "cutoff_angstrom": 3.0}, 9, "max_neighbors"),
        ({"batch_size": {"choice": [20, 64, 512]}}, 9, "batch_size"),
    ],
)
def test_dead_ones_are_named(idle, space, epochs, dead):
    assert idle(space, epochs) == ({dead}, {})


def test_values_that_are_the_same_training_are_named(idle):
    assert idle({"batch_size": {"choice": [4, 64, 512]}}) == (set(), {"batch_size": (64, 512)})
