"""Strategies with settings and sweeps, and which of them recorded curves can answer for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.rehearse.made import table

from perch.errors import PerchError, StrategyError, StudyError
from perch.rehearse.variants import as_recorded, refuse, refuse_losses, variants
from perch.strategies.registry import STRATEGIES


def test_a_sweep_makes_all_combinations_of_the_settings_that_a_strategy_has() -> None:
    found = variants(["rs", "asha"], ["grace_period=1,3", "reduction_factor=2,4"])
    assert [v.label for v in found] == [
        "rs",
        "asha+grace_period=1+reduction_factor=2", "asha+grace_period=1+reduction_factor=4",
        "asha+grace_period=3+reduction_factor=2", "asha+grace_period=3+reduction_factor=4",
    ]  # fmt: skip
    assert found[-1].spec == {"name": "asha", "grace_period": 3, "reduction_factor": 4}


def test_a_setting_that_is_written_out_is_not_swept() -> None:
    assert [v.label for v in variants(["asha+grace_period=9", "asha"], ["grace_period=1,3"])] == [
        "asha+grace_period=9", "asha+grace_period=1", "asha+grace_period=3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("strategies", "sweep", "said"),
    [
        (["ahsa"], [], "asha"),
        ([], [], "no strategy"),
        (["asha+grace_period"], [], "cannot read"),
        (["asha"], ["grace_period"], "no values"),
        (["asha"], ["grace_period=0"], "grace_period"),
        (["rs"], ["grace_period=1,3"], "no strategy here has it"),
    ],
)
def test_what_makes_no_sense_is_refused(strategies: list[str], sweep: list[str], said: str) -> None:
    with pytest.raises(PerchError) as error:
        variants(strategies, sweep)
    assert said in str(error.value)
    assert isinstance(error.value, (StrategyError, StudyError))


def test_pbt_is_refused_with_the_reason_and_searchers_need_the_surrogate() -> None:
    with pytest.raises(StrategyError, match="pbt cannot be rehearsed") as error:
        refuse(STRATEGIES.get("pbt"), surrogate=True)
    assert "change their configuration" in error.value.why
    with pytest.raises(StrategyError, match="asha-bo cannot be rehearsed"):
        refuse(STRATEGIES.get("asha-bo"), surrogate=True)
    with pytest.raises(StrategyError, match="asha-tpe cannot be rehearsed on a table"):
        refuse(STRATEGIES.get("asha-tpe"), surrogate=False)
    refuse(STRATEGIES.get("asha-tpe"), surrogate=True)
    for name in ("rs", "asha", "ahb", "median", "asha-promote", "pasha", "topk"):
        refuse(STRATEGIES.get(name), surrogate=False)


def test_training_losses_are_compared_on_records_that_hold_them() -> None:
    (variant,) = variants(["asha+judge=training_loss"])
    with pytest.raises(StrategyError, match="holds no training losses"):
        refuse_losses(variant, table())
    whole = table()
    refuse_losses(variant, replace(whole, training=whole.values))
    refuse_losses(variants(["asha+judge=best"])[0], whole)


def test_for_a_count_of_trials_rungs_compare_the_metric_where_no_loss_was_recorded() -> None:
    (variant,) = variants(["asha+judge=training_loss"])
    counted = as_recorded(variant, table())
    assert (counted.label, counted.spec) == (variant.label, {"name": "asha"})
    assert as_recorded(variant, replace(table(), training=table().values)) is variant
