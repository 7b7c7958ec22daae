"""What a surrogate is told: once per trial, by one rule, in an order that never changes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.space import parse_space
from perch.strategies.plan import Past, Plan
from perch.strategies.searchers.observations import Ledger, bounded_losses

SPACE = parse_space({"lr": {"float": [0.001, 1.0]}, "momentum": 0.9})
PLAN = Plan(SPACE, 27)


def trial(i: int, lr: float = 0.1, **more: Any) -> dict[str, Any]:
    return {"e": "trial", "id": str(i), "i": i, "config": {"lr": lr, "momentum": 0.9}, **more}


def result(i: int, epoch: int, value: float, d: str = "go") -> dict[str, Any]:
    return {"e": "result", "id": str(i), "seg": 0, "epoch": epoch, "value": value, "d": d}


def error(i: int, failure: str = "diverged") -> dict[str, Any]:
    return {"e": "error", "id": str(i), "failure": failure}


def told(ledger: Ledger, *events: dict[str, Any]) -> list[tuple[float, float | None]]:
    for event in events:
        ledger.applied(event)
    return [(t.config["lr"], t.value) for t in ledger.observations]


def test_last_tells_the_value_at_the_end() -> None:
    ledger = Ledger(PLAN, "last")
    assert told(ledger, trial(0), result(0, 1, 0.5), result(0, 3, 0.4)) == []
    assert ledger.pending() == ({"lr": 0.1},)
    assert told(ledger, result(0, 9, 0.3, "stop")) == [(0.1, 0.3)]
    assert ledger.pending() == ()


def test_rung_tells_the_value_at_one_epoch_and_nothing_later() -> None:
    ledger = Ledger(PLAN, "rung", 3)
    assert told(ledger, trial(0), result(0, 1, 0.5)) == []
    assert told(ledger, result(0, 3, 0.4)) == [(0.1, 0.4)]
    assert ledger.pending() == ()
    assert told(ledger, result(0, 9, 0.3, "stop")) == [(0.1, 0.4)]


def test_a_trial_that_ends_below_the_rung_is_told_with_its_last_value() -> None:
    assert told(Ledger(PLAN, "rung", 9), trial(0), result(0, 1, 0.5, "stop")) == [(0.1, 0.5)]


@pytest.mark.parametrize("rule", ["last", "rung"])
def test_a_failure_is_told_as_one(rule: Any) -> None:
    assert told(Ledger(PLAN, rule, 9), trial(0), result(0, 1, 0.5), error(0)) == [(0.1, None)]
    assert told(Ledger(PLAN, rule, 9), trial(0), result(0, 1, math.nan, "stop")) == [(0.1, None)]


def test_a_lost_worker_says_nothing_about_the_configuration() -> None:
    ledger = Ledger(PLAN)
    assert told(ledger, trial(0), error(0, "lost")) == []
    assert ledger.pending() == ()


def test_repeated_and_late_events_change_nothing() -> None:
    events = [
        trial(0),
        trial(0),
        result(0, 1, 0.5, "stop"),
        result(0, 1, 0.5, "stop"),
        result(0, 2, 0.1),
        error(0),
        trial(0),
    ]
    assert told(Ledger(PLAN), *events) == [(0.1, 0.5)]


def test_an_earlier_run_comes_first() -> None:
    history = (
        Past({"lr": 0.2, "momentum": 0.9}, ((1, 0.9), (3, 0.8))),
        Past({"lr": 0.3, "momentum": 0.9}, ((1, 0.7),), failed=True),
        Past({"lr": 0.4, "momentum": 0.9}, ()),
    )
    plan = Plan(SPACE, 27, history=history)
    assert told(Ledger(plan, "last")) == [(0.2, 0.8), (0.3, None)]
    assert told(Ledger(plan, "rung", 1)) == [(0.2, 0.9), (0.3, 0.7)]


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1))
def test_finite_values_keep_their_order_and_failures_are_the_worst(values: list[float | None]) -> None:
    out = bounded_losses(values)
    assert all(math.isfinite(v) for v in out)
    known = [(v, o) for v, o in zip(values, out, strict=True) if v is not None]
    assert all(o <= v for v, o in known)
    for (v, o), (w, p) in itertools.pairwise(known):
        assert (o <= p) if v <= w else (o >= p)
    assert all(o == max(out) for v, o in zip(values, out, strict=True) if v is None)
    if known:
        best = min(v for v, _ in known)
        assert min(out) == best


def test_one_huge_value_does_not_flatten_the_rest() -> None:
    assert bounded_losses([0.3, 0.5, 0.4, 1e6, None]) == [0.3, 0.5, 0.4, pytest.approx(0.9), pytest.approx(0.9)]
