"""Exploring: a neighbour stays inside the space, whatever the space is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perch.dimension import Choice, Float, Int
from perch.space import Space, keyed_rng, parse_space
from perch.strategies.perturb import perturb

SPACE = parse_space(
    {
        "lr": {"float": [1e-4, 0.1], "log": True},
        "momentum": {"float": [0.0, 0.99]},
        "batch_size": {"int": [1, 64]},
        "wide": {"choice": [16, 32, 64]},
        "optimizer": {"choice": ["adam", "sgd"]},
        "nesterov": {"choice": [True, False]},
        "width": 32,
        "where": "batch_size * wide <= 2000",
    }
)
CONFIG = {"lr": 0.01, "momentum": 0.9, "batch_size": 8, "wide": 32, "optimizer": "sgd", "nesterov": True, "width": 32}


def many(resample: float, space: Space = SPACE, factors: tuple[float, ...] = (0.8, 1.2)) -> list[dict[str, object]]:
    return [
        perturb(space, CONFIG, keyed_rng(0, "test", k), factors=factors, resample_probability=resample)
        for k in range(300)
    ]


@given(seed=st.integers(0, 2**40), steps=st.integers(1, 8), resample=st.floats(0, 1), factor=st.floats(0.01, 100))
def test_values_stay_in_their_range_and_kind_however_often_they_are_perturbed(
    seed: int, steps: int, resample: float, factor: float
) -> None:
    config = SPACE.draw(seed, 0)
    for step in range(steps):
        rng = keyed_rng(seed, "test", step)
        config = perturb(SPACE, config, rng, factors=(factor, 1 / factor), resample_probability=resample)
        assert list(SPACE.problems(config)) == []
        assert type(config["batch_size"]) is int
        assert type(config["lr"]) is float
        assert type(config["nesterov"]) is bool


def test_without_resampling_numbers_move_by_a_factor_and_words_stay() -> None:
    configs = many(0.0)
    assert {round(c["lr"] / 0.01, 6) for c in configs} == {0.8, 1.2}  # type: ignore[operator]
    assert {c["wide"] for c in configs} == {16, 64}
    assert {(c["optimizer"], c["nesterov"], c["width"]) for c in configs} == {("sgd", True, 32)}


def test_a_whole_number_moves_by_one_at_least() -> None:
    space = Space({"batch_size": Int(1, 64)}, {})
    new = [
        perturb(space, {"batch_size": 2}, keyed_rng(0, "t", k), factors=(0.8, 1.2), resample_probability=0.0)
        for k in range(50)
    ]
    assert {c["batch_size"] for c in new} == {1, 3}


def test_resampling_draws_from_the_whole_range() -> None:
    space = Space({"lr": Float(0.0, 1.0), "optimizer": Choice(("adam", "sgd"))}, {})
    configs = [
        perturb(space, {"lr": 0.5, "optimizer": "sgd"}, keyed_rng(0, "t", k), factors=(1.0,), resample_probability=1.0)
        for k in range(300)
    ]
    assert min(c["lr"] for c in configs) < 0.05
    assert max(c["lr"] for c in configs) > 0.95
    assert {c["optimizer"] for c in configs} == {"adam", "sgd"}


def test_a_condition_that_refuses_everything_leaves_the_configuration_as_it_is() -> None:
    tight = parse_space({"batch_size": {"int": [1, 64]}, "lr": {"float": [0.1, 1.0]}, "where": "batch_size == 8"})
    config = {"batch_size": 8, "lr": 0.5}
    assert perturb(tight, config, keyed_rng(0, "t", 1), factors=(0.5, 2.0), resample_probability=0.0) == config
