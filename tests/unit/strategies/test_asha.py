"""ASHA in its stopping form, as its page describes it."""

from __future__ import annotations

import pytest

from perch.errors import StrategyError
from perch.space import parse_space
from perch.strategies.asha import Asha, AshaSettings
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.strategies.strategy import GO, STOP, Action, Decision, New

SPACE = parse_space({"lr": {"float": [0.001, 0.1]}})


def started(number: int, epochs: int = 9, **settings: int) -> Asha:
    asha = Asha(Plan(SPACE, epochs, 100), AshaSettings(**settings))
    for ordinal in range(number):
        new = asha.ask(0.0)
        assert isinstance(new, New)
        asha.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": new.config, "bracket": new.bracket})
    return asha


def report(asha: Asha, trial: int, epoch: int, value: float) -> Decision:
    decision = asha.tell(str(trial), epoch, value, 0.0)
    asha.applied({"e": "result", "id": str(trial), "seg": 0, "epoch": epoch, "value": value, "d": decision.action})
    return decision


def test_the_first_arrival_passes_and_the_worse_part_stops() -> None:
    asha = started(4)
    assert report(asha, 0, 1, 0.5) == Decision(Action.GO, 1, None, 1, 1)
    assert report(asha, 1, 1, 0.7) == Decision(Action.STOP, 1, 0.5, 2, 2)
    third = report(asha, 2, 1, 0.4)
    assert (third.action, third.rank, third.size) == (Action.GO, 1, 3)
    assert report(asha, 3, 1, 0.5).action == Action.STOP


def test_between_rungs_nothing_is_judged() -> None:
    asha = started(1)
    report(asha, 0, 1, 0.5)
    assert report(asha, 0, 2, 9.9) == GO


def test_the_last_epoch_is_no_rung() -> None:
    asha = started(1)
    for epoch in range(1, 9):
        report(asha, 0, epoch, 0.5)
    assert report(asha, 0, 9, 0.5) == STOP
    assert [r.epoch for r in asha.brackets[0]] == [1, 3]


def test_reports_that_skip_epochs_enter_the_highest_rung_they_reach_and_no_lower_one_later() -> None:
    asha = started(1, epochs=81)
    assert report(asha, 0, 10, 0.5).rung == 9
    assert report(asha, 0, 12, 0.4) == GO
    assert [len(r.scores) for r in asha.brackets[0]] == [0, 0, 1, 0]


def test_a_rung_counts_a_trial_once_and_the_first_value_stands() -> None:
    asha = started(1)
    report(asha, 0, 1, 0.5)
    asha.applied({"e": "result", "id": "0", "seg": 0, "epoch": 1, "value": 0.1, "d": "go"})
    assert asha.brackets[0][0].scores == [-0.5]


def test_a_grace_period_above_the_epochs_is_refused() -> None:
    with pytest.raises(StrategyError, match="grace_period is 10, above the 9 epochs"):
        build({"name": "asha", "grace_period": 10}, Plan(SPACE, 9, 10))
    build({"name": "asha", "grace_period": 9}, Plan(SPACE, 9, 10))
