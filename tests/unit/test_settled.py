"""What a training with a fresh seed is judged by."""

from __future__ import annotations

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.settled import settled, window_for

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(VALUES, st.integers(1, 9))
def test_it_is_the_lowest_mean_of_so_many_epochs_in_a_row(values: list[float], window: int) -> None:
    means = [fmean(values[n : n + window]) for n in range(len(values) - window + 1)]
    assert settled(values, window) == (min(means) if means else fmean(values)), "one that ends early has them all"


@given(VALUES)
def test_with_a_window_of_one_it_is_the_lowest_value(values: list[float]) -> None:
    assert settled(values, 1) == min(values)


def test_without_a_value_there_is_none() -> None:
    assert settled([], 3) is None


def test_one_lucky_epoch_counts_for_little_and_a_worse_end_for_nothing() -> None:
    swings = [0.5, 0.2, 0.5, 0.5, 0.5, 0.5]
    stays = [0.5, 0.4, 0.35, 0.35, 0.35, 0.6]
    assert min(swings) < min(stays)
    ours, theirs = settled(swings, 3), settled(stays, 3)
    assert theirs == pytest.approx(0.35) and ours == pytest.approx(0.4)


@pytest.mark.parametrize(("epochs", "window"), [(1, 1), (9, 1), (27, 2), (54, 5), (81, 8), (1000, 100)])
def test_the_window_grows_with_the_training(epochs: int, window: int) -> None:
    assert window_for(epochs) == window
