"""The race over fresh seeds: who is trained next, what it may take, and when it is over."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.campaign.race import beaten, entrants_for, next_entrant
from perch.log.fresh_seeds import FreshSeeds
from perch.study import SMALLEST_RACE

EPOCHS = 9


def race(names: str, **changes: Any) -> FreshSeeds:
    terms = {"trials": list(names), "start": names[0], "seeds": 5, "allowance": 1000, **changes}
    made = FreshSeeds()
    made.enter(terms)
    return made


def held(
    made: FreshSeeds, value: Any, *, workers: int = 1, seeds: int = 5, second_s: float = 0.0
) -> list[tuple[str, int]]:
    """Hold a race to its end: ``workers`` trainings run at once, the oldest ends first. Returns them in their order."""
    running: list[tuple[str, int]] = []
    order: list[tuple[str, int]] = []
    elapsed_s = 0.0
    while True:
        while len(running) < workers and (found := next_entrant(made, seeds, EPOCHS, elapsed_s)) is not None:
            made.place(*found)
            running.append(found)
            order.append(found)
        if not running:
            return order
        entrant, repeat = running.pop(0)
        elapsed_s += second_s
        made.end(entrant, repeat, value(entrant, repeat), failed=value(entrant, repeat) is None)


values = st.fixed_dictionaries({name: st.floats(0.1, 1.0) for name in "abcd"})
noise = st.lists(st.floats(-0.2, 0.2), min_size=24, max_size=24)


@given(values, noise, st.integers(0, 400), st.integers(1, 4), st.integers(1, 5))
def test_a_race_takes_no_more_epochs_than_its_allowance_or_the_smallest_race(
    level: dict[str, float], drawn: list[float], allowance: int, workers: int, seeds: int
) -> None:
    made = race("abcd", allowance=allowance)
    order = held(made, lambda e, r: level[e] + drawn["abcd".index(e) * 6 + r], workers=workers, seeds=seeds)
    assert len(order) * EPOCHS <= max(allowance, SMALLEST_RACE * EPOCHS)
    assert len(set(order)) == len(order) and all(1 <= repeat <= seeds for _, repeat in order)


@given(values, noise, st.floats(0, 100), st.integers(1, 4))
def test_no_training_begins_that_is_not_expected_to_end_within_the_time(
    level: dict[str, float], drawn: list[float], allowance_s: float, workers: int
) -> None:
    made = race("abcd", allowance=allowance_s, in_seconds=True, training_s=dict.fromkeys("abcd", 7.0))
    order = held(
        made, lambda e, r: level[e] + drawn["abcd".index(e) * 6 + r], workers=workers, second_s=7.0 / workers
    )  # fmt: skip
    rounds = -(-len(order) // workers)
    assert len(order) == SMALLEST_RACE or rounds * 7.0 <= allowance_s + 7.0


@given(values, noise, st.integers(0, 400), st.integers(1, 4))
def test_the_starting_point_always_takes_part(
    level: dict[str, float], drawn: list[float], allowance: int, workers: int
) -> None:
    made = race("abcd", allowance=allowance)
    order = held(made, lambda e, r: level[e] + drawn["abcd".index(e) * 6 + r], workers=workers)
    assert ("a", 1) in order and ("b", 1) in order
    if len(order) >= 8:
        assert ("a", 2) in order, "one training says nothing of chance"


@given(values, noise, st.integers(0, 400), st.integers(0, 20))
def test_given_the_same_results_the_race_goes_on_the_same(
    level: dict[str, float], drawn: list[float], allowance: int, cut: int
) -> None:
    """Whoever takes it up after an interruption, from placed trainings and their values, decides as before."""

    def value(entrant: str, repeat: int) -> float:
        return level[entrant] + drawn["abcd".index(entrant) * 6 + repeat]

    whole = held(race("abcd", allowance=allowance), value)
    resumed = race("abcd", allowance=allowance)
    for entrant, repeat in whole[:cut]:
        resumed.place(entrant, repeat)
        resumed.end(entrant, repeat, value(entrant, repeat), failed=False)
    assert held(resumed, value) == whole[cut:]


def test_everyone_is_trained_once_before_anyone_is_twice() -> None:
    order = held(race("abcd"), lambda e, r: "abcd".index(e) + 0.1 * (r % 2))
    assert [e for e, _ in order[:4]] == ["a", "b", "c", "d"]


def test_the_beaten_leave_and_the_others_get_further_seeds() -> None:
    level = {"a": 1.0, "b": 0.50, "c": 0.51, "d": 2.0}
    order = held(race("abcd"), lambda e, r: level[e] + 0.02 * ((r * 7 + ord(e)) % 3))
    count = {name: sum(e == name for e, _ in order) for name in "abcd"}
    assert count["b"] == count["c"] == 5 and count["d"] <= 2 and count["a"] == 2


def test_a_race_that_one_has_won_is_over() -> None:
    level = {"a": 1.0, "b": 0.5}
    order = held(race("ab"), lambda e, r: level[e] + 0.001 * (r % 2) * (e == "a"))
    assert order == [("a", 1), ("b", 1), ("b", 2), ("a", 2)]


def test_a_trainable_that_no_seed_moves_is_not_trained_five_times() -> None:
    """Without any noise the second training shows it, and whoever is worse at all is beaten."""
    order = held(race("abcd"), lambda e, r: {"a": 0.4, "b": 0.3, "c": 0.5, "d": 0.6}[e])
    assert len(order) <= 6


def test_who_fails_is_out() -> None:
    made = race("abc")
    order = held(made, lambda e, r: None if e == "b" else 0.5 + 0.1 * (r % 2) + 0.01 * (e == "c"))
    assert [r for e, r in order if e == "b"] == [1]
    assert "b" in beaten(made)


def test_one_value_each_beats_nobody() -> None:
    made = race("ab")
    for entrant, value in (("a", 9.0), ("b", 0.1)):
        made.place(entrant, 1)
        made.end(entrant, 1, value, failed=False)
    assert beaten(made) == set()


def test_without_a_share_everyone_gets_every_seed_whatever_comes_out() -> None:
    order = held(race("abc", allowance=None), lambda e, r: "abc".index(e), seeds=3)
    assert order == [(e, r) for r in (1, 2, 3) for e in "abc"]


def test_all_workers_are_busy_while_seeds_are_left() -> None:
    made = race("ab", allowance=EPOCHS * 8)
    for _ in range(4):
        found = next_entrant(made, 5, EPOCHS, 0.0)
        assert found is not None
        made.place(*found)
    assert made.placed == {"a": {1, 2}, "b": {1, 2}}


@pytest.mark.parametrize(("trainings", "entrants"), [(0, 2), (3, 2), (6, 3), (8, 4), (100, 6)])
def test_half_of_the_trainings_are_for_the_first_round(trainings: int, entrants: int) -> None:
    assert entrants_for(trainings, 6) == entrants


def test_the_mean_over_fresh_seeds_decides_and_not_the_lowest_value() -> None:
    made = race("abc")
    seeds = {"a": [0.9, 0.9, 0.9, 0.9, 0.9], "b": [0.1, 0.8, 0.9, 0.8, 0.9], "c": [0.5, 0.5, 0.6, 0.5, 0.6]}
    held(made, lambda e, r: seeds[e][r - 1])
    assert min((fmean(v.values()), e) for e, v in made.values.items())[1] == "c"
