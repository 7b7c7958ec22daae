"""What is counted is what torch allocates: the same step with real tensors, and the data set's real tensors."""

from __future__ import annotations

import pytest
import torch

from perch.memory.count import LiveBytes, batch_of, evaluation_bytes, network_of, parameters_of, training_bytes
from perch.memory.parts import data_bytes, kept_bytes, lasting_bytes, optimizer_slots
from perch.memory.sizes import Load, Sizes
from perch.training.keys import complete
from perch.training.loop import Training


@pytest.fixture
def trained(prepare_small, small_config):
    """A training after an epoch, its data and its configuration."""
    prepared = prepare_small()
    training = Training(prepared, small_config, epochs=2, seed=0, key="memory", device="cpu", threads=1)
    training.epoch()
    return training, prepared, complete(small_config)


def size_of(*tensors):
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


@pytest.mark.parametrize("model", ["cgcnn", "cgconv"])
def test_a_step_without_content_takes_as_much_as_one_with(prepare_small, small_config, model):
    prepared, config = prepare_small(), complete(small_config)
    training = Training(prepared, small_config, epochs=2, seed=0, key="memory", device="cpu", threads=1, model=model)
    training.epoch()
    fold = training.folds[0]
    rows = fold.train_rows[:6]
    fold.network.train()
    fold.optimizer.zero_grad(set_to_none=True)
    with LiveBytes() as live:
        batch, target = training.data.batch(rows, rows), fold.normalised[rows]
        energy = fold.network(batch)
        torch.nn.functional.l1_loss(energy, target).backward()
    load = Load(6, len(batch.kinds), len(batch.receivers), batch.bonds.shape[1])
    network = network_of(model, config, training.data.atom_features, load.gaussians)
    counted = training_bytes(network, load, training.data.atom_features, "l1")
    assert counted == pytest.approx(live.peak, rel=0.1)
    assert parameters_of(network) == parameters_of(fold.network)
    assert evaluation_bytes(network, load, training.data.atom_features) < counted


def test_memory_that_is_freed_is_not_counted():
    with LiveBytes() as live:
        a = torch.empty(1000, device="meta")
        del a
        b = torch.empty(1000, device="meta")
        c = b.view(10, 100)
    assert (live.peak, live.now) == (4000, 4000)
    del b, c
    assert live.now == 0


def test_a_batch_without_content_has_the_shapes_and_types_of_a_real_one(trained):
    training, _prepared, _config = trained
    rows = torch.arange(5)
    real = training.data.batch(rows, rows)
    made = batch_of(Load(5, len(real.kinds), len(real.receivers), real.bonds.shape[1]), training.data.atom_features)
    for name, tensor in vars(real).items():
        if isinstance(tensor, torch.Tensor) and name != "features":
            assert (getattr(made, name).shape, getattr(made, name).dtype) == (tensor.shape, tensor.dtype), name
    assert made.own_bytes == real.own_bytes


def test_what_lasts_is_what_a_training_keeps(trained):
    training, prepared, config = trained
    sizes = Sizes(prepared.graphs, prepared.splits)
    data, fold = training.data, training.folds[0]
    flat = [t for t in vars(data).values() if isinstance(t, torch.Tensor)]
    flat += [t for ranges in (data.atoms_of, data.bonds_of) for t in (ranges.start, ranges.sizes)]
    held = size_of(*flat, fold.target_ev, fold.normalised) - size_of(data.features)
    assert data_bytes(sizes, config) == pytest.approx(held, rel=0.05)
    assert kept_bytes(sizes, config) == pytest.approx(sum(b.own_bytes for b in fold._evaluation), rel=0.05)
    state = [t for s in fold.optimizer.state.values() for t in s.values() if t.numel() > 1]
    state += [*fold.network.parameters(), *fold.network.buffers()]
    lasting = lasting_bytes(sizes, config, parameters_of(fold.network), 1)
    assert lasting - data_bytes(sizes, config) - kept_bytes(sizes, config) == pytest.approx(size_of(*state), rel=0.1)


@pytest.mark.parametrize(
    ("config", "slots"), [({}, 2), ({"optimizer": "sgd"}, 1), ({"optimizer": "sgd", "momentum": 0.0}, 0)]
)
def test_numbers_that_an_optimiser_keeps(config, slots):
    assert optimizer_slots(complete(config)) == slots
