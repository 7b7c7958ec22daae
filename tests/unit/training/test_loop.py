"""What one training promises, whoever drives it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from perch import vocabulary as words
from perch.errors import Diverged, StudyError
from perch.training.loop import Training

MEASURED = ("train_mae_ev", "validation_mae_ev", "test_mae_ev")


def train(prepared, config, count, *, seed=0, key="a", epochs=10, **options):
    training = Training(prepared, config, epochs=epochs, seed=seed, key=key, device="cpu", **options)
    return training, [training.epoch() for _ in range(count)]


def errors(rows):
    return [tuple(row[name] for name in MEASURED) for row in rows]


def test_an_epoch_reports_errors_seconds_rate_memory_and_device(prepare_small, small_config):
    _, [row] = train(prepare_small(), small_config, 1)
    assert set(row) == {
        words.TRAIN_MAE_EV, words.VALIDATION_MAE_EV, words.TEST_MAE_EV, words.LEARNING_RATE, words.EPOCH_S,
        words.TRAINING_S, words.EVALUATING_S, words.PEAK_MEMORY_BYTES, words.DEVICE,
    }  # fmt: skip
    assert row["epoch_s"] == pytest.approx(row["training_s"] + row["evaluating_s"])
    assert row["device"] == "cpu (1 thread)"
    assert row["peak_memory_bytes"] > 50e6


def has_optimizers(training):
    return ["optimizer" in vars(fold) for fold in training.folds]


def test_the_first_epochs_seconds_hold_no_making_of_an_optimiser(prepare_small, small_config):
    """PyTorch imports its compiler for the first one of a process: a second or two."""
    training, _ = train(prepare_small(), small_config, 0)
    assert has_optimizers(training) == [True]


def test_what_only_predicts_makes_no_optimiser_and_trains_as_well_after_all(prepare_small, small_config):
    prepared = prepare_small()
    training, _ = train(prepared, small_config, 0, trains=False)
    training.predict(prepared.graphs)
    assert has_optimizers(training) == [False]
    assert errors([training.epoch()]) == errors(train(prepared, small_config, 1)[1])


def test_it_learns(prepare_small, small_config):
    _, rows = train(prepare_small(), small_config, 40, epochs=40)
    assert rows[-1]["train_mae_ev"] < 0.4 * rows[0]["train_mae_ev"]
    assert min(r["validation_mae_ev"] for r in rows) < 0.5 * rows[0]["validation_mae_ev"]


def test_the_validation_error_is_that_of_its_predictions(prepare_small, small_config, structures):
    prepared = prepare_small()
    training, rows = train(prepared, small_config, 3)
    predicted = training.predict(prepared.graphs)
    wrong = np.abs(predicted - prepared.graphs.target_ev)
    assert rows[-1]["validation_mae_ev"] == pytest.approx(wrong[prepared.splits[0].validation].mean(), rel=1e-4)
    assert rows[-1]["test_mae_ev"] == pytest.approx(wrong[prepared.splits[0].test].mean(), rel=1e-4)


def test_all_randomness_comes_from_seed_and_key(prepare_small, small_config):
    prepared = prepare_small()
    torch.manual_seed(1)
    first = errors(train(prepared, small_config, 3)[1])
    torch.manual_seed(2)
    np.random.seed(2)
    assert errors(train(prepared, small_config, 3)[1]) == first
    assert errors(train(prepared, small_config, 3, seed=1)[1]) != first
    assert errors(train(prepared, small_config, 3, key="b")[1]) != first


def test_it_leaves_the_global_random_state_alone(prepare_small, small_config):
    before = torch.get_rng_state()
    train(prepare_small(), small_config, 1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "changes",
    [{}, {"optimizer": "sgd"}, {"optimizer": "adamw", "lr_schedule": "cosine", "ema_decay": 0.9, "clip_norm": 0.5}],
)
def test_going_on_from_a_state_equals_not_having_been_interrupted(prepare_small, small_config, changes):
    config = small_config | {"weight_decay": 0.01} | changes
    prepared = prepare_small(folds=2)
    _, whole = train(prepared, config, 6)
    first, _ = train(prepared, config, 3)
    file = io.BytesIO()
    torch.save(first.state(), file)
    first.epoch()  # what goes on in the old one must not reach into the state
    file.seek(0)
    second = Training(prepared, config, epochs=10, seed=0, key="a", device="cpu")
    second.load(torch.load(file, weights_only=True))
    assert errors([second.epoch() for _ in range(3)]) == errors(whole[3:])


def test_a_state_taken_over_trains_under_the_new_settings(prepare_small, small_config):
    prepared = prepare_small()
    donor, _ = train(prepared, small_config, 2)
    heir = Training(
        prepared, small_config | {"lr": 0.002, "momentum": 0.5, "batch_size": 10}, epochs=10, seed=0, key="b"
    )
    heir.load(donor.state())
    row = heir.epoch()
    assert row["lr"] == 0.002
    [group] = heir.folds[0].optimizer.param_groups
    assert (group["lr"], group["betas"][0]) == (0.002, 0.5)
    assert heir.epochs_done == 3


def test_a_schedule_of_values_is_followed(prepare_small, small_config):
    config = small_config | {"lr_schedule": {"lr": [0.01, 0.003, 0.001]}}
    _, rows = train(prepare_small(), config, 4)
    assert [r["lr"] for r in rows] == [0.01, 0.003, 0.001, 0.001]


def test_a_loss_that_is_no_number_ends_the_training_as_diverged(prepare_small, small_config):
    training = Training(
        prepare_small(), small_config | {"optimizer": "sgd", "lr": 1e30, "loss": "mse"}, epochs=9, seed=0, key="a"
    )
    with pytest.raises(Diverged, match="finite"):
        for _ in range(9):
            training.epoch()


def test_with_folds_every_error_is_the_mean_over_them(prepare_small, small_config):
    training, rows = train(prepare_small(folds=3), small_config, 2)
    assert len(training.folds) == 3
    alone = [fold.evaluate() for fold in training.folds]
    for name in ("validation", "test"):
        assert rows[-1][f"{name}_mae_ev"] == pytest.approx(np.mean([a[name] for a in alone]))
    weights = [fold.network.embedding.weight for fold in training.folds]
    assert not torch.equal(weights[0], weights[1])


def test_further_test_sets_have_columns_of_their_own(prepare_small, small_config):
    _, [row] = train(prepare_small(tests=True), small_config, 1)
    assert row["test_mae_ev_far"] > 0


def test_only_training_rows_shape_the_model(prepare_small, small_config):
    plain = prepare_small()
    target = plain.graphs.target_ev.copy()
    target[20:] += 100.0
    moved = prepare_small(targets=target)
    one, other = (train(p, small_config, 2)[0] for p in (plain, moved))
    np.testing.assert_array_equal(one.predict(plain.graphs), other.predict(plain.graphs))
    assert one.folds[0].predictor.mean_ev == pytest.approx(plain.graphs.target_ev[:20].mean())


def test_a_batch_larger_than_the_training_set_is_one_step(prepare_small, small_config):
    prepared = prepare_small()
    rows = [errors(train(prepared, small_config | {"batch_size": size}, 2)[1]) for size in (20, 1000)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("model", ["cgcnn", "cgconv"])
@pytest.mark.parametrize("changes", [{"pooling": "surface"}, {"loss": "mse"}, {"num_graph_conv_layers": 0}])
def test_models_train_under_every_setting(prepare_small, small_config, model, changes):
    _, rows = train(prepare_small(), small_config | changes, 6, model=model)
    assert rows[-1]["train_mae_ev"] < rows[0]["train_mae_ev"]


def test_graphs_of_another_cutoff_are_refused(prepare_small, small_config):
    with pytest.raises(StudyError, match=r"cutoff_angstrom is 5\.0"):
        Training(prepare_small(), small_config | {"cutoff_angstrom": 5.0}, epochs=1, seed=0, key="a")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"device": "cuda:7"}, "no device 'cuda:7'"), ({"device": "abacus"}, "abacus"), ({"model": "cgnn"}, "cgnn")],
)  # fmt: skip
def test_what_does_not_exist_is_refused(prepare_small, small_config, options, message):
    with pytest.raises(StudyError, match=message):
        Training(prepare_small(), small_config, epochs=1, seed=0, key="a", **options)
