"""Weights of partly stopped curves: nobody is lost, and early stopping does not make the rest look better than it was."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perch.rehearse.tables.weighting import weigh


@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_weights_add_up_to_the_trials(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    last = rng.integers(1, 10, rows)
    last[0] = 9
    values = np.where(np.arange(9) < last[:, None], rng.normal(size=(rows, 9)), np.nan)
    known = last == 9
    weights, _ = weigh(values, last, known.tolist())
    assert np.isclose(weights.sum(), rows)
    assert (weights[~known] == 0).all()
    assert (weights[known] >= 1).all()


def test_what_asha_stopped_is_given_back() -> None:
    """Half of the worse and a tenth of the better trials are stopped at epoch 1; ends are weighted to those of all."""
    rng = np.random.default_rng(1)
    first = rng.uniform(size=4000)
    end = first + rng.normal(scale=0.1, size=4000)
    stopped = rng.uniform(size=4000) < np.where(first > 0.5, 0.5, 0.1)
    values = np.stack([first, np.where(stopped, np.nan, end)], axis=1)
    weights, beyond = weigh(values, np.where(stopped, 1, 2), (~stopped).tolist())
    plain, weighted = end[~stopped].mean(), np.average(end[~stopped], weights=weights[~stopped])
    assert abs(weighted - end.mean()) < 0.01 < abs(plain - end.mean())
    assert beyond < 0.01


def test_stopped_trials_that_nobody_resembles_are_counted() -> None:
    values = np.array([[0.1, 0.1], [0.2, 0.1], [0.9, np.nan], [0.8, np.nan]])
    weights, beyond = weigh(values, np.array([2, 2, 1, 1]), [True, True, False, False])
    assert beyond == 1.0
    assert weights.tolist() == [2.0, 2.0, 0.0, 0.0]


def test_a_trial_that_failed_before_its_first_epoch_keeps_its_weight() -> None:
    weights, _ = weigh(np.array([[0.1], [np.nan]]), np.array([1, 0]), [True, True])
    assert weights.tolist() == [1.0, 1.0]
