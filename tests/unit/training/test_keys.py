from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest

from perch.errors import StudyError
from perch.training.keys import ALGORITHM_KEYS, ARCHITECTURE_KEYS, DEFAULTS, MEANINGS, at_epoch, complete


def test_every_hyperparameter_has_a_default_and_is_either_architecture_or_algorithm():
    assert sorted(ALGORITHM_KEYS + ARCHITECTURE_KEYS) == sorted(DEFAULTS)
    assert complete({}) == dict(DEFAULTS)
    assert list(MEANINGS) == list(DEFAULTS)


def test_what_the_configuration_says_wins_over_the_defaults():
    full = complete({"lr": 0.5, "data.cutoff_angstrom": 5.0, "_perch": {"trial": "1"}})
    assert (full["lr"], full["cutoff_angstrom"]) == (0.5, 5.0)
    assert "_perch" not in full


def test_an_unknown_key_is_refused_with_the_nearest_name():
    with pytest.raises(StudyError, match="'batchsize'") as error:
        complete({"batchsize": 3})
    assert "did you mean 'batch_size'" in error.value.why


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lr", 0.0), ("lr", "fast"), ("batch_size", 0), ("batch_size", 2.5), ("num_fc_layers", 0), ("pooling", "max"),
        ("optimizer", "lion"), ("momentum", 1.0), ("weight_decay", -0.1), ("atom_embedding_size", True),
        ("num_graph_conv_layers", -1), ("lr_schedule", {}), ("lr_schedule", {"lr": []}), ("lr_schedule", {"lr": [0]}),
        ("lr_schedule", {"pooling": ["mean"]}), ("loss", "huber"), ("cutoff_angstrom", -1),
        ("ema_decay", 1.0), ("ema_decay", -0.1), ("clip_norm", -1),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused(key, value):
    with pytest.raises(StudyError):
        complete({key: value})


def test_schedules_by_name():
    def rates(name):
        return [at_epoch(complete({"lr": 1.0, "lr_schedule": name}), e, 20)["lr"] for e in range(1, 21)]

    assert set(rates("constant")) == {1.0}
    assert rates("multistep") == pytest.approx([1.0] * 12 + [0.1] * 5 + [0.01] * 3)
    cosine = rates("cosine")
    assert cosine[0] == 1.0
    assert all(a > b for a, b in pairwise(cosine))
    assert cosine[-1] < 0.02


def test_a_schedule_of_values_holds_its_last_one_on():
    config = complete({"lr": 1.0, "lr_schedule": {"lr": [0.3, 0.2], "batch_size": [16]}})
    assert [at_epoch(config, e, 9)["lr"] for e in (1, 2, 3, 9)] == [0.3, 0.2, 0.2, 0.2]
    assert at_epoch(config, 5, 9)["batch_size"] == 16
    assert at_epoch(config, 5, 9)["momentum"] == DEFAULTS["momentum"]


def test_strategies_can_read_the_keys_without_torch_or_ray():
    code = (
        "import sys, perch.training.keys, perch.training.failure;"
        "print([m for m in ('torch', 'ray', 'ase', 'numpy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
