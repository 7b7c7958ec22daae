"""The speed-up of one strategy over another: which estimator, and whether its interval holds the truth."""

import numpy as np
import pytest
from scipy import stats
from tests.unit.compare.synthetic import Truth, coverage, draw

from perch.compare.statistics import interval
from perch.compare.statistics.hits import Blocks, hit_times, reference_targets, resampled_rows
from perch.compare.statistics.incumbent import incumbent
from perch.compare.statistics.interval import AVERAGE_RUNTIME, BOUND, GEOMETRIC, UNREACHED, average_runtime_s, ratio

MISS = np.inf


def test_without_misses_it_is_the_geometric_mean_with_a_paired_t_interval() -> None:
    reference, ours = np.array([[20.0, 40, 80]]), np.array([[10.0, 10, 10]])
    found = ratio(reference, ours, 100.0)
    assert found.estimator == GEOMETRIC and found.value == pytest.approx(4.0)
    low, high = stats.t.interval(0.95, 2, np.log(4), np.std(np.log([2, 4, 8]), ddof=1) / np.sqrt(3))
    assert (found.low, found.high) == pytest.approx((np.exp(low), np.exp(high)))


def test_with_up_to_half_missed_it_is_the_ratio_of_average_runtimes() -> None:
    reference, ours = np.array([[50.0, MISS, 50, MISS]]), np.array([[25.0, 25, 25, MISS]])
    found = ratio(reference, ours, 100.0)
    assert found.estimator == AVERAGE_RUNTIME
    assert found.value == pytest.approx((300 / 2) / (175 / 3))
    assert found.censored_reference == 0.5 and found.censored == 0.25


def test_above_half_missed_there_is_only_a_bound() -> None:
    reference, ours = np.full((1, 10), MISS), np.linspace(8, 12, 10)[None, :]
    found = ratio(reference, ours, 100.0)
    assert found.estimator == BOUND and found.value is None and found.high is None
    assert found.low is not None and 5 < found.low < 100 / 8
    slower = ratio(ours, reference, 100.0)
    assert slower.low is None and slower.high == pytest.approx(1 / found.low, rel=0.02)


def test_when_both_miss_nearly_always_nothing_can_be_said() -> None:
    missed = np.full((1, 10), MISS)
    assert ratio(missed, missed, 100.0).estimator == UNREACHED


def test_one_block_has_a_value_and_no_interval() -> None:
    found = ratio(np.array([[30.0]]), np.array([[10.0]]), 100.0)
    assert found.value == pytest.approx(3.0) and found.low is None and found.high is None


def test_average_runtime_is_all_time_over_successes() -> None:
    assert average_runtime_s(np.array([10.0, MISS, 20.0]), 100.0) == 65.0
    assert average_runtime_s(np.array([MISS]), 100.0) == np.inf


def test_targets_are_computed_anew_in_every_resample() -> None:
    runs = [incumbent([10.0], [value]) for value in (1.0, 2.0, 3.0)]
    blocks = Blocks({"rs": runs}, 40.0)
    rows = np.array([[0, 1, 2], [0, 0, 1], [2, 2, 1]])
    assert reference_targets(blocks, rows, [0.25])[:, 0].tolist() == [2, 1, 3]
    times = hit_times(runs, reference_targets(blocks, rows, [0.25]), rows, 40.0)[:, :, 0]
    assert times.tolist() == [[10, 10, MISS], [10, 10, MISS], [10, 10, 10]]


def test_the_sample_itself_is_the_first_row() -> None:
    rows = resampled_rows(4, np.random.default_rng(0), 3)
    assert rows.shape == (4, 4) and rows[0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("n", [10, 20, 30])
@pytest.mark.parametrize("censored", [0.0, 0.3, 0.6])
def test_intervals_and_bounds_hold_the_truth(n: int, censored: float) -> None:
    """At least 93 % over many comparisons (``benchmarks/coverage.py`` draws 2,000 per cell); here 400, so 3 s.d. less."""
    found = coverage(Truth(speed=2.0, censored=censored), n, comparisons=400, resamples=300)
    assert found.share >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / 400)
    if censored < 0.6:
        assert found.intervals >= 390


def test_a_percentile_bootstrap_would_cover_less() -> None:
    """Why the interval is a t-interval: at ten blocks the percentile interval is visibly too short."""
    truth, rng, inside = Truth(speed=2.0, censored=0.0), np.random.default_rng(3), 0
    for _ in range(400):
        blocks = draw(truth, 10, rng)
        rows = resampled_rows(10, rng, 300)
        targets = reference_targets(blocks, rows, [truth.share])
        times = {s: hit_times(r, targets, rows, blocks.budget_s)[:, :, 0] for s, r in blocks.runs.items()}
        means = interval.log_ratios(times["rs"], times["asha"], blocks.budget_s).mean(axis=1)[1:]
        inside += np.quantile(means, 0.025) <= np.log(2) <= np.quantile(means, 0.975)
    assert inside / 400 < 0.93
