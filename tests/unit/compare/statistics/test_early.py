"""Was early stopping safe: answers only from curves that nobody chose."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from perch.compare.statistics.early import full_curves, rung_correlations, weighted_spearman

RNG = np.random.default_rng(0)


def test_with_equal_weights_it_is_spearman_s_correlation() -> None:
    x = RNG.integers(0, 10, 40).astype(float)  # ties included
    y = x + RNG.normal(0, 3, 40)
    assert weighted_spearman(x, y, np.ones(40)) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_a_weight_of_three_is_three_equal_rows() -> None:
    x, y, weights = RNG.normal(size=12), RNG.normal(size=12), np.array([1, 3] * 6)
    assert weighted_spearman(x, y, weights) == pytest.approx(
        weighted_spearman(np.repeat(x, weights), np.repeat(y, weights), np.ones(24))
    )


def test_a_constant_side_has_no_correlation() -> None:
    assert np.isnan(weighted_spearman(np.ones(5), np.arange(5.0), np.ones(5)))


def _trials(n: int) -> pd.DataFrame:
    """Values at epochs 1, 3, 9 whose order at the first is a fair guess of that at the last."""
    last = RNG.normal(size=n)
    return pd.DataFrame({1: last + RNG.normal(0, 0.6, n), 3: last + RNG.normal(0, 0.2, n), 9: last})


def test_survivors_alone_mislead_and_a_weighted_sample_does_not() -> None:
    everyone = _trials(3000)
    true = weighted_spearman(everyone[1].to_numpy(), everyone[9].to_numpy(), np.ones(3000))
    cut = everyone[1].quantile(1 / 3)
    survivors = everyone[everyone[1] <= cut]
    among_survivors = rung_correlations(survivors, [1])[0].correlation
    sample = everyone[everyone[1] > cut].sample(100, random_state=0)
    audited = pd.concat([survivors.sample(100, random_state=0), sample])
    weights = np.repeat([len(survivors) / 100, 2000 / 100], 100)
    found = rung_correlations(audited, [1], weights, np.repeat([0, 1], 100))[0]
    assert among_survivors < true - 0.2
    assert found.low <= true <= found.high and found.correlation == pytest.approx(true, abs=0.08)


def test_later_rungs_foretell_better() -> None:
    first, later = rung_correlations(_trials(200), [1, 3])
    assert first.correlation < later.correlation < 1 and first.curves == 200


def test_a_handful_of_curves_says_nothing() -> None:
    assert rung_correlations(_trials(7), [1]) == []


def test_only_trials_that_reached_the_last_epoch_count() -> None:
    curves = pd.DataFrame(
        {"trial_id": ["a", "a", "b"], "segment": 0, "epoch": [1, 2, 1], "validation_mae_ev": [0.5, 0.4, 0.9]}
    )
    assert full_curves(curves, "validation_mae_ev", 2).index.tolist() == ["a"]
