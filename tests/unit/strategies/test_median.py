"""The median rule, by hand; tests/unit/strategies/test_against_ray.py compares it with Ray's."""

from __future__ import annotations

import pytest

from perch.errors import StrategyError
from perch.space import parse_space
from perch.strategies.median import Median, MedianSettings
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.strategies.strategy import GO, Action, Decision

SPACE = parse_space({"lr": {"float": [0.001, 0.1]}})


def median_of(trials: int) -> Median:
    median = Median(Plan(SPACE, 10, 100), MedianSettings(grace_period=2, min_samples_required=3))
    for ordinal in range(trials):
        median.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": {}, "bracket": 0})
    return median


def report(median: Median, trial: int, *values: float) -> Decision:
    decision = GO
    for epoch, value in enumerate(values, 1):
        decision = median.tell(str(trial), epoch, value, 0.0)
        median.applied(
            {"e": "result", "id": str(trial), "seg": 0, "epoch": epoch, "value": value, "d": decision.action}
        )
    return decision


def test_the_best_value_is_compared_with_the_median_of_averages_since_the_grace_period() -> None:
    median = median_of(5)
    for trial, values in enumerate([(9.0, 1.0, 0.5), (9.0, 0.8, 0.6), (9.0, 0.4, 0.2)]):
        assert report(median, trial, *values) == GO
    assert median.means[3] == pytest.approx([0.3, 0.7, 0.75])
    stopped = report(median, 3, 9.0, 0.75, 0.71)
    assert (stopped.action, stopped.cutoff, stopped.rank, stopped.size) == (Action.STOP, pytest.approx(0.7), 3, 4)
    assert report(median, 4, 0.1, 9.0, 9.0).action == Action.GO


def test_too_few_others_judge_nobody() -> None:
    median = median_of(3)
    for trial in range(2):
        report(median, trial, 0.1, 0.1, 0.1)
    assert report(median, 2, 9.0, 9.0, 9.0) == GO


def test_a_grace_period_above_the_epochs_is_refused() -> None:
    with pytest.raises(StrategyError, match="grace_period"):
        build({"name": "median", "grace_period": 11}, Plan(SPACE, 10, 10))
