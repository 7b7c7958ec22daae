"""What all schedulers share: budget, points, and which checkpoints are of use."""

from __future__ import annotations

from typing import Any

from perch.space import parse_space
from perch.strategies.plan import Plan
from perch.strategies.scheduler import Scheduler
from perch.strategies.strategy import DONE, GO, STOP, Event, New

SPACE = parse_space({"lr": {"float": [0.001, 0.1]}, "width": 8})


def start(scheduler: Scheduler, *ordinals: int) -> None:
    for ordinal in ordinals:
        scheduler.applied({"e": "trial", "id": f"t{ordinal}", "i": ordinal, "config": {}, "bracket": 0})


def result(trial: str, epoch: int, action: str = "go", **more: Any) -> Event:
    return {"e": "result", "id": trial, "seg": 0, "epoch": epoch, "value": 0.5, "d": action, **more}


def saved(trial: str, epoch: int, segment: int = 0) -> Event:
    return {"e": "checkpoint", "id": trial, "seg": segment, "epoch": epoch, "path": "x"}


def test_done_only_when_the_last_trial_has_ended() -> None:
    scheduler = Scheduler(Plan(SPACE, 5, 2))
    start(scheduler, 0, 1)
    assert scheduler.ask(0.0) is None
    scheduler.applied(result("t0", 5, "stop"))
    assert scheduler.ask(0.0) is None
    scheduler.applied({"e": "error", "id": "t1", "seg": 0, "epoch": 0, "failure": "code"})
    assert scheduler.ask(0.0) == DONE


def test_points_come_first_with_fixed_values_added_and_the_searchers_numbers_start_after_them() -> None:
    scheduler = Scheduler(Plan(SPACE, 5, 10, seed=1, points=({"lr": 0.05},)))
    assert scheduler.ask(0.0) == New({"lr": 0.05, "width": 8}, by="point")
    start(scheduler, 0)
    assert scheduler.ask(0.0) == New(SPACE.draw(1, 0))


def test_a_trial_trains_to_the_last_epoch() -> None:
    scheduler = Scheduler(Plan(SPACE, 5, 10))
    start(scheduler, 0)
    assert [scheduler.tell("t0", epoch, 9.0, 0.0) for epoch in (1, 4, 5, 6)] == [GO, GO, STOP, STOP]


def test_an_epoch_reported_again_goes_on() -> None:
    scheduler = Scheduler(Plan(SPACE, 5, 10))
    start(scheduler, 0)
    scheduler.applied(result("t0", 3))
    assert scheduler.tell("t0", 2, 9.0, 0.0) == GO


def test_the_newest_checkpoint_of_a_live_trial_is_kept() -> None:
    scheduler = Scheduler(Plan(SPACE, 5, 10))
    start(scheduler, 0)
    scheduler.applied(saved("t0", 1))
    assert scheduler.surplus() == ()
    scheduler.applied(saved("t0", 3))
    assert scheduler.surplus() == (("t0", 0, 1),)
    scheduler.applied(saved("t0", 2))
    assert set(scheduler.surplus()) == {("t0", 0, 1), ("t0", 0, 2)}
    scheduler.applied({"e": "drop", "id": "t0", "seg": 0, "epoch": 1})
    assert scheduler.surplus() == (("t0", 0, 2),)


def test_an_ended_trial_needs_none_even_one_that_arrives_late() -> None:
    scheduler = Scheduler(Plan(SPACE, 5, 10))
    start(scheduler, 0)
    scheduler.applied(saved("t0", 1))
    scheduler.applied(result("t0", 2, "stop"))
    scheduler.applied(saved("t0", 2))
    assert scheduler.surplus() == (("t0", 0, 1), ("t0", 0, 2))


def test_events_of_unknown_trials_and_kinds_are_ignored() -> None:
    scheduler = Scheduler(Plan(SPACE, 5, 1))
    for event in (result("x", 1), {"e": "error", "id": "x"}, {"e": "promote", "id": "x"}, {"e": "close", "why": ""}):
        scheduler.applied(event)
    assert isinstance(scheduler.ask(0.0), New)
