"""A running average of the weights: what is averaged, what is evaluated, what is kept and taken over."""

from __future__ import annotations

import copy
import io

import pytest
import torch

from perch.training.average import Average
from perch.training.loop import Training
from perch.training.weights import kept_of, save_model


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))


def test_the_average_is_exponential_with_short_memory_at_first():
    """After n steps a value v_n is in it with the weight of the docstring's equation, computed here by hand."""
    net = network()
    average, expected = Average(net), copy.deepcopy(net.state_dict())
    for step in range(1, 6):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(torch.randn_like(p))
        net(torch.randn(8, 3))
        average.update(0.4)
        decay = min(0.4, (1 + step) / (10 + step))
        for name, now in net.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * now if now.is_floating_point() else now.clone()
    for name, value in average.network.state_dict().items():
        assert torch.allclose(value, expected[name], atol=1e-6), name
    assert int(average.network[1].num_batches_tracked) == 5


def training(prepared, config, **changes):
    return Training(prepared, config | changes, epochs=9, seed=0, key="a", device="cpu")


def test_errors_are_those_of_the_average_and_the_weights_train_as_without_one(prepare_small, small_config):
    prepared = prepare_small()
    plain, averaged = training(prepared, small_config), training(prepared, small_config, ema_decay=0.9)
    for _ in range(2):
        without, with_it = plain.epoch(), averaged.epoch()
    assert without["train_mae_ev"] == with_it["train_mae_ev"], "the path of the weights is the same"
    assert without["validation_mae_ev"] != with_it["validation_mae_ev"]
    fold = averaged.folds[0]
    for mine, other in zip(fold.network.parameters(), plain.folds[0].network.parameters(), strict=True):
        assert torch.equal(mine, other)
    fold.predictor.network = fold.network
    assert fold.evaluate()["validation"] == without["validation_mae_ev"]


def test_what_is_kept_of_a_model_is_the_average_and_it_predicts_the_same(prepare_small, small_config, tmp_path):
    prepared = prepare_small()
    first = training(prepared, small_config, ema_decay=0.9)
    row = first.epoch()
    kept = kept_of(first, trial="a", value=row["validation_mae_ev"])
    again = training(prepared, small_config, ema_decay=0.9)
    save_model(tmp_path / "best", again, kept, {})
    assert again.folds[0].evaluate()["validation"] == row["validation_mae_ev"]


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_who_takes_a_state_over_averages_as_its_own_configuration_says(prepare_small, small_config, decay):
    """A member of a population takes a donor's average along, changes its rate, and drops it where it is switched off."""
    prepared = prepare_small()
    donor = training(prepared, small_config, ema_decay=0.9)
    donor.epoch()
    file = io.BytesIO()
    torch.save(donor.state(), file)
    file.seek(0)
    heir = training(prepared, small_config, ema_decay=decay)
    heir.load(torch.load(file, weights_only=True))
    assert heir.folds[0].evaluate() == donor.folds[0].evaluate()
    heir.epoch()
    average = heir.folds[0].average
    assert (average is None) == (decay == 0.0)
    if average is not None:
        assert average.steps == 2 * donor.folds[0].average.steps
    assert heir.folds[0].predictor.network is (heir.folds[0].network if decay == 0.0 else average.network)
