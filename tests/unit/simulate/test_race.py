"""A search on the virtual clock, followed by its race: the driver of real runs, so that the same results decide the same."""

from __future__ import annotations

from typing import Any

import pytest

from perch.log.state import State
from perch.simulate import PowerLaw, simulate
from perch.space import parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.study import Confirm

SPACE = parse_space({"lr": {"float": [0.001, 0.1], "log": True}, "width": {"int": [1, 64]}})
EPOCHS, TRIALS = 9, 40
START = {"lr": 0.01, "width": 8}


def log(seed: int, strategy: str, confirm: Confirm | None) -> list[dict[str, Any]]:
    plan = Plan(space=SPACE, epochs=EPOCHS, trials=TRIALS, seed=seed, workers=3)
    curves = PowerLaw(SPACE, seed=seed)
    return list(
        simulate(build(strategy, plan), curves, workers=3, epochs=EPOCHS, confirm=confirm, start=START)
    )  # fmt: skip


@pytest.mark.parametrize("strategy", ["asha", "rs", "asha-promote", "pasha", "topk"])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_race_keeps_to_its_share_and_holds_the_starting_point(strategy: str, share: float) -> None:
    events = log(0, strategy, Confirm(share=share))
    results = [e for e in events if e["e"] == "result"]
    fresh = [e for e in results if e["id"].startswith("confirm-")]
    assert len(fresh) <= max(share * (len(results) - len(fresh)), 2 * EPOCHS)
    [terms] = [e for e in events if e["e"] == "confirm"]
    assert terms["start"] == "start" and terms["configs"]["start"] == START
    assert {e["id"] for e in fresh if e["d"] == "stop"} >= {f"confirm-{name}-1" for name in terms["trials"]}


def test_the_same_results_decide_the_same() -> None:
    assert log(3, "asha", Confirm(share=0.5)) == log(3, "asha", Confirm(share=0.5))


def test_the_search_is_the_same_with_a_race_behind_it_and_without() -> None:
    search = [e for e in log(3, "asha", Confirm(share=0.5)) if not str(e.get("id", "")).startswith("confirm-")]
    alone = log(3, "asha", None)
    assert [e for e in search if e["e"] not in ("confirm", "close")] == alone[:-1]


def test_replayed_from_its_log_the_race_stands_where_it_stood() -> None:
    """At every event: what the state then knows of the race is what decided, so a kill in between changes nothing."""
    events = log(5, "asha", Confirm(share=1.0))
    plan = Plan(space=SPACE, epochs=EPOCHS, trials=TRIALS, seed=5, workers=3)
    state = State(build("asha", plan), EPOCHS)
    placed = 0
    for event in events:
        state.apply(event)
        placed += event["e"] == "trial" and event.get("phase") == "confirm"
        assert state.fresh.trainings == placed
    assert placed > 4 and sum(len(v) for v in state.fresh.values.values()) == placed
