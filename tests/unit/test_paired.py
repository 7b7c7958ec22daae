"""Differences paired over seeds: against textbook formulas, and what they may claim of noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perch.paired import against_constant, difference


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=8))
def test_of_two_configurations_it_is_the_paired_t_interval(pairs: list[tuple[float, float]]) -> None:
    first, second = np.array(pairs).T
    found = difference({"a": dict(enumerate(first)), "b": dict(enumerate(second))}, "a", "b")
    assert found is not None and found.interval is not None
    gap = second - first
    half = stats.t.ppf(0.975, len(pairs) - 1) * gap.std(ddof=1) / len(pairs) ** 0.5
    assert found.mean == pytest.approx(gap.mean(), abs=1e-9) and found.seeds == len(pairs)
    assert found.interval == pytest.approx((gap.mean() - half, gap.mean() + half), abs=1e-6)


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=6), st.lists(st.floats(-9, 9), min_size=6, max_size=6))
def test_what_a_seed_does_to_all_alike_cancels(values: list[float], shifts: list[float]) -> None:
    plain = {"a": dict(enumerate(values)), "b": {n: v + 0.5 + 0.1 * (n % 2) for n, v in enumerate(values)}}
    moved = {name: {n: v + shifts[n] for n, v in found.items()} for name, found in plain.items()}
    before, after = difference(plain, "a", "b"), difference(moved, "a", "b")
    assert before is not None and after is not None
    assert (after.mean, after.error) == (pytest.approx(before.mean, abs=1e-9), pytest.approx(before.error, abs=1e-7))


def test_one_seed_each_gives_a_difference_and_no_interval() -> None:
    found = difference({"a": {1: 0.3}, "b": {1: 0.5}}, "a", "b")
    assert found is not None and found.mean == pytest.approx(0.2)
    assert found.interval is None and not found.clear


def test_a_third_configurations_repeats_tell_of_the_noise_too() -> None:
    two = {"a": {1: 0.3, 2: 0.32}, "b": {1: 0.5, 2: 0.55}}
    three = {**two, "c": {1: 0.7, 2: 0.73, 3: 0.71}}
    alone, together = difference(two, "a", "b"), difference(three, "a", "b")
    assert alone is not None and together is not None
    assert together.freedom == 2 > alone.freedom == 1


def test_configurations_without_a_common_seed_are_not_compared() -> None:
    assert difference({"a": {1: 0.3}, "b": {2: 0.5}}, "a", "b") is None
    assert difference({"a": {1: 0.3}}, "a", "b") is None


def test_equal_values_are_no_difference_however_exact() -> None:
    same = {1: 0.1 + 0.2, 2: 0.1 + 0.2}
    found = difference({"a": dict(same), "b": dict(same)}, "a", "b")
    assert found is not None and not found.clear


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Seeds move all configurations alike, and noise each by itself; 2,000 draws, unequal numbers of seeds."""
    rng, inside = np.random.default_rng(0), 0
    for _ in range(2000):
        seeds = rng.normal(size=4)
        values = {
            name: {n: level + seeds[n] + rng.normal(scale=0.3) for n in range(count)}
            for name, level, count in (("a", 0.0, 4), ("b", 0.5, 3), ("c", 1.0, 2))
        }
        found = difference(values, "a", "b")
        assert found is not None and found.interval is not None
        inside += found.interval[0] <= 0.5 <= found.interval[1]
    assert 0.935 < inside / 2000 < 0.965


def test_against_a_number_without_chance_it_is_the_one_sample_interval() -> None:
    found = against_constant([0.3, 0.35, 0.31], 0.5)
    low, high = stats.t.interval(0.95, 2, loc=0.18, scale=stats.sem([0.3, 0.35, 0.31]))
    assert found.interval == (pytest.approx(low), pytest.approx(high))
    assert against_constant([0.3], 0.5).interval is None
