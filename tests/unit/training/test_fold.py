"""The evaluation of a fold: which batches it keeps, and that keeping or making them anew changes nothing."""

from __future__ import annotations

import pytest
import torch

from perch.model.flat import FlatData
from perch.training import inference
from perch.training.fold import Fold
from perch.training.keys import complete
from perch.training.tensors import graph_features

CPU = torch.device("cpu")


@pytest.fixture
def fold(prepare_small, small_config, monkeypatch):
    """A fold whose evaluation has eight rows in as many batches."""
    monkeypatch.setattr(inference, "EVALUATION_BYTES", 1)
    prepared, config = prepare_small(), complete(small_config)
    data = FlatData(prepared.graphs, graph_features(prepared.graphs, "cgcnn"), config["pooling"], CPU)

    def make(**room):
        return Fold(data, prepared.splits[0], prepared.graphs.target_ev, config, "cgcnn", (0, "a", 0), **room)

    return make


def kept_bytes(fold):
    return sum(batch.own_bytes for batch in fold._evaluation)


def test_batches_are_kept_as_far_as_there_is_room_and_made_anew_beyond_it(fold):
    whole = fold()
    errors = [whole.evaluate() for _ in range(3)]
    assert len(whole._evaluation) == 8 and errors[0] == errors[1] == errors[2]
    room = kept_bytes(whole) // 2
    some, none = fold(kept_bytes=room), fold(kept_bytes=0)
    for _ in range(3):
        assert some.evaluate() == none.evaluate() == errors[0]
    assert 0 < kept_bytes(some) <= room and len(some._evaluation) < 8
    assert none._evaluation == []


def test_a_batchs_bytes_are_those_of_its_tensors_without_the_shared_table(fold):
    whole = fold()
    whole.evaluate()
    batch = whole._evaluation[0]
    tensors = [v for v in vars(batch).values() if isinstance(v, torch.Tensor)]
    assert batch.own_bytes == sum(v.nbytes for v in tensors) - batch.features.nbytes > batch.bonds.nbytes


def test_an_epoch_knows_the_sizes_of_its_batches_without_asking_the_device(fold, monkeypatch):
    """Where a device computes sizes, each question to it waits for all that was asked before."""
    asked = []
    usual = torch.repeat_interleave

    def watched(*args, **keys):
        asked.append("output_size" in keys)
        return usual(*args, **keys)

    one = fold()
    monkeypatch.setattr(torch, "repeat_interleave", watched)
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: pytest.fail("rows were fetched from the device"))
    one.train(complete({"batch_size": 4}) | one_epoch(one), 1)
    one.evaluate()
    assert asked and all(asked)


@pytest.mark.parametrize(("limit", "shortened"), [(0.0, False), (1e-3, True), (1e6, False)])
def test_a_gradient_longer_than_the_limit_is_shortened_to_it(fold, limit, shortened):
    one, free = fold(), fold()
    rows = one.train_rows[:4]
    one.step(rows, rows, complete({"clip_norm": limit}))
    free.step(rows, rows, complete({}))
    norm, whole = gradient_norm(one), gradient_norm(free)
    assert whole > 1e-3
    assert norm == pytest.approx(limit if shortened else whole, rel=1e-3)


def gradient_norm(fold):
    return torch.cat([p.grad.flatten() for p in fold.network.parameters()]).norm().item()


def one_epoch(fold):
    group = fold.optimizer.param_groups[0]
    return {
        "lr": group["lr"],
        "weight_decay": group["weight_decay"],
        "momentum": 0.9,
        "loss": "mse",
        "ema_decay": 0.0,
        "clip_norm": 0.0,
    }
