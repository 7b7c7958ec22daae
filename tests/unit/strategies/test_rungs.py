"""Rungs: where they lie, and what they decide."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.strategies.rungs import Rung, ladder, percentile
from perch.strategies.strategy import Action

values = st.floats(-1e6, 1e6).map(lambda v: round(v, 3))


@pytest.mark.parametrize(
    ("grace", "epochs", "eta", "rungs"),
    [
        (1, 81, 3, [1, 3, 9, 27]),
        (1, 243, 3, [1, 3, 9, 27, 81]),
        (1, 1000, 10, [1, 10, 100]),
        (1, 100, 4, [1, 4, 16, 64]),
        (5, 5, 3, []),
        (4, 5, 2, [4]),
        (1, 1, 2, []),
    ],
)
def test_rungs_by_hand(grace: int, epochs: int, eta: int, rungs: list[int]) -> None:
    assert ladder(grace, epochs, eta) == rungs


@given(grace=st.integers(1, 20), epochs=st.integers(1, 10**12), eta=st.integers(2, 10), bracket=st.integers(0, 4))
def test_rungs_are_exact_powers_and_none_is_lost(grace: int, epochs: int, eta: int, bracket: int) -> None:
    rungs = ladder(grace, epochs, eta, bracket)
    assert rungs == [grace * eta ** (bracket + k) for k in range(len(rungs))]
    assert all(r < epochs for r in rungs)
    assert grace * eta ** (bracket + len(rungs)) >= epochs


def test_floor_of_logarithms_would_lose_a_rung() -> None:
    """What Ray's and Optuna's formula makes of 243 epochs and η = 3, and why ours multiplies."""
    assert int(np.log(243) / np.log(3) + 1) == 5
    assert len([*ladder(1, 243, 3), 243]) == 6


@given(st.lists(values, min_size=1, max_size=60), st.sampled_from([2, 3, 4, 5, 10]))
def test_the_percentile_is_numpys_to_the_last_bit(scores: list[float], eta: int) -> None:
    scores.sort()
    assert percentile(scores, 1 - 1 / eta) == np.nanpercentile(scores, (1 - 1 / eta) * 100)


@given(st.lists(values, max_size=60), values, st.sampled_from([2, 3, 4]))
def test_rank_and_size_count_the_value_itself(others: list[float], value: float, eta: int) -> None:
    rung = Rung(9)
    for other in others:
        rung.add(other)
    decision = rung.judge(value, 1 / eta)
    assert decision.rung == 9
    assert decision.size == len(others) + 1
    assert decision.rank == 1 + sum(other < value for other in others)
    if others:
        assert decision.cutoff is not None
        assert (decision.action == Action.STOP) == (value > decision.cutoff)
    else:
        assert (decision.action, decision.cutoff) == (Action.GO, None)


@given(st.lists(values, min_size=1, max_size=60), st.sampled_from([2, 3, 4]))
def test_the_best_so_far_always_goes_on(others: list[float], eta: int) -> None:
    rung = Rung(1)
    for other in others:
        rung.add(other)
    assert rung.judge(min(others), 1 / eta).action == Action.GO


def test_a_judgement_among_a_hundred_thousand_values_takes_as_many_comparisons_as_a_binary_search() -> None:
    compared = 0

    class Counted(float):
        def __lt__(self, other: float) -> bool:
            nonlocal compared
            compared += 1
            return float.__lt__(self, other)

        def __gt__(self, other: float) -> bool:
            nonlocal compared
            compared += 1
            return float.__gt__(self, other)

    rung, rng = Rung(1), random.Random(0)
    rung.scores = [Counted(s) for s in sorted(rng.random() for _ in range(100_000))]
    rung.judge(-0.5, 1 / 3)
    assert 10 <= compared <= 20
