from __future__ import annotations

import pytest

from perch.training.plain import train_plain


def test_one_training_per_seed_with_its_best_epoch(prepare_small, small_config):
    seen = []
    found = train_plain(
        prepare_small(),
        small_config,
        5,
        [3, 4],
        progress=lambda seed, row: seen.append((seed, row["epoch"])),
        device="cpu",
    )
    assert seen == [(s, e) for s in (3, 4) for e in range(1, 6)]
    for one in found:
        curve = [r["validation_mae_ev"] for r in one.rows]
        assert one.validation_mae_ev == min(curve)
        assert one.best.epoch == curve.index(min(curve)) + 1
        assert one.test_mae_ev == one.rows[one.best.epoch - 1]["test_mae_ev"]
    assert found[0].validation_mae_ev != found[1].validation_mae_ev


def test_a_schedule_replaces_the_configurations_own(prepare_small, small_config):
    config = small_config | {"lr_schedule": "cosine"}
    [one] = train_plain(prepare_small(), config, 3, [0], schedule={"lr": [0.02, 0.01]}, device="cpu")
    assert [r["lr"] for r in one.rows] == [0.02, 0.01, 0.01]


def test_a_training_that_diverges_is_a_result(prepare_small, small_config):
    config = small_config | {"optimizer": "sgd", "loss": "mse", "lr": 1e30}
    [one] = train_plain(prepare_small(), config, 5, [0], device="cpu")
    assert one.error is not None
    assert len(one.rows) < 5
    if not one.rows:
        assert one.best is None
        assert one.validation_mae_ev == float("inf")
        assert one.test_mae_ev is None


def test_folds_are_trained_and_kept_together(prepare_small, small_config):
    [one] = train_plain(prepare_small(folds=2), small_config, 2, [0], device="cpu")
    assert len(one.best.folds) == 2
    assert one.best_row["validation_mae_ev"] == pytest.approx(one.best.value)
