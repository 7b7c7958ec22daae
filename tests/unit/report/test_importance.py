"""Importance of hyperparameters: the numbers of Optuna's PED-ANOVA, without Optuna."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from perch.dimension import Choice, Int
from perch.report.importance import FEWEST, QUANTILE, importances
from perch.space import Space, parse_space

SPACE = parse_space({
    "lr": {"float": [0.001, 0.1], "log": True}, "width": {"int": [8, 128]}, "depth": {"int": [1, 40], "log": True},
    "momentum": {"float": [0.0, 1.0]}, "batch_size": {"choice": [16, 32, 64]}, "pooling": {"choice": ["mean", "sum"]},
})  # fmt: skip


def drawn(count: int) -> tuple[list[dict[str, Any]], list[float]]:
    configs = [SPACE.draw(0, k) for k in range(count)]
    values = [abs(float(np.log10(c["lr"])) + 2) + 0.0005 * c["width"] + 0.1 * (c["pooling"] == "sum") for c in configs]
    return configs, values


def by_optuna(space: Space, configs: list[dict[str, Any]], values: list[float]) -> dict[str, float]:
    optuna = pytest.importorskip("optuna", reason="extra 'optuna' is not installed")
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    known = {
        key: CategoricalDistribution(d.values)
        if isinstance(d, Choice)
        else (IntDistribution if isinstance(d, Int) else FloatDistribution)(d.low, d.high, log=d.log)
        for key, d in space.dimensions.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction="minimize")
        for config, value in zip(configs, values, strict=True):
            study.add_trial(optuna.trial.create_trial(params=config, distributions=known, value=value))
        raw = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=QUANTILE).evaluate(study)
    return {key: float(value) / sum(raw.values()) for key, value in raw.items()}


@pytest.mark.parametrize("count", [FEWEST, 57, 200])
def test_the_shares_are_those_of_optuna(count: int) -> None:
    configs, values = drawn(count)
    values[3] = values[4] = values[5]  # ties at no particular place
    assert {i.key: i.share for i in importances(SPACE, configs, values)} == pytest.approx(
        by_optuna(SPACE, configs, values), abs=1e-9
    )


def test_the_hyperparameter_that_decides_is_found() -> None:
    configs, values = drawn(120)
    found = importances(SPACE, configs, values)
    assert found[0].key == "lr" and found[0].low > max(i.share for i in found[1:])
    assert sum(i.share for i in found) == pytest.approx(1.0)


def test_a_handful_of_configurations_says_nothing() -> None:
    configs, values = drawn(FEWEST - 1)
    assert importances(SPACE, configs, values) == []


def test_where_all_values_are_equal_nothing_decides() -> None:
    configs, _ = drawn(60)
    assert {i.share for i in importances(SPACE, configs, [1.0] * 60)} == {0.0}
