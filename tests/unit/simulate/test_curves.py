"""Constructed learning curves."""

from __future__ import annotations

import math

from perch.simulate import PowerLaw
from perch.space import parse_space

SPACE = parse_space({"lr": {"float": [0.001, 0.1], "log": True}, "width": {"int": [1, 64]}, "depth": 2})


def test_equal_arguments_give_equal_answers_whatever_was_asked_before() -> None:
    first, second = PowerLaw(SPACE, seed=3, diverging=0.3), PowerLaw(SPACE, seed=3, diverging=0.3)
    asked = [(SPACE.draw(0, k), f"{k}", epoch) for k in range(20) for epoch in (1, 5, 20)]
    forward = [(first.value(*a), first.seconds(*a)) for a in asked]
    backward = [(second.value(*a), second.seconds(*a)) for a in reversed(asked)]
    assert str(forward) == str(backward[::-1])


def test_trials_learn_and_the_best_limit_lies_at_the_optimum() -> None:
    curves = PowerLaw(SPACE, noise=0.0)
    config = SPACE.draw(0, 1)
    values = [curves.value(config, "1", epoch) for epoch in (1, 3, 9, 27)]
    assert values == sorted(values, reverse=True)
    near = [curves.value(SPACE.draw(0, k), "1", 1000) for k in range(500)]
    assert min(near) < 0.35 < max(near)


def test_the_share_that_diverges() -> None:
    curves = PowerLaw(SPACE, diverging=0.25)
    config = SPACE.draw(0, 0)
    bad = [math.isnan(curves.value(config, str(k), 8)) for k in range(400)]
    assert 60 < sum(bad) < 140
    assert not any(math.isnan(PowerLaw(SPACE).value(config, str(k), 8)) for k in range(400))


def test_epochs_last_within_a_factor_of_two_and_reports_carry_the_records_names() -> None:
    curves = PowerLaw(SPACE, epoch_s=3.0)
    config = SPACE.draw(0, 0)
    assert all(1.5 <= curves.seconds(config, str(k), 1) <= 6.0 for k in range(100))
    assert curves.metrics(config, "0", 1) == {
        "validation_mae_ev": curves.value(config, "0", 1),
        "epoch_s": curves.seconds(config, "0", 1),
    }
