"""Comparing a log with what a strategy would decide: it must notice every kind of change."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from perch.simulate import PowerLaw, differences, restore, simulate
from perch.space import parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.strategies.strategy import Strategy

SPACE = parse_space({"lr": {"float": [0.001, 0.1], "log": True}, "width": {"int": [1, 64]}})


def fresh(name: str) -> Strategy:
    return build(name, Plan(SPACE, 27, 40, seed=2))


def log_of(name: str) -> list[dict[str, Any]]:
    return list(simulate(fresh(name), PowerLaw(SPACE), workers=4))


@pytest.mark.parametrize(
    ("name", "kind", "change"),
    [
        ("asha", "trial", {"config": {"lr": 0.05, "width": 1}}),
        ("asha", "trial", {"bracket": 1}),
        ("asha", "rung", {"d": "pause"}),
        ("asha", "rung", {"cutoff": 0.123}),
        ("asha", "rung", {"rank": 99}),
        ("asha", "rung", {"size": 99}),
        ("asha", "rung", {"rung": 2}),
        ("asha-promote", "promote", {"id": "00000"}),
        ("pbt", "x", {"x": {"donor": "00039", "seg": 0, "epoch": 4, "config": {}}}),
        ("pbt", "x", {"x": None}),
    ],
)
def test_a_changed_event_is_noticed(name: str, kind: str, change: dict[str, Any]) -> None:
    log = copy.deepcopy(log_of(name))
    assert list(differences(fresh(name), log)) == []
    places = [k for k, e in enumerate(log) if e["e"] == kind or (e["e"] == "result" and e.get(kind))]
    place = places[-1]
    log[place] = {**log[place], **change}
    found = next(differences(fresh(name), log[: place + 1]))
    assert found.index == place
    assert str(place) in str(found)


def test_trusted_events_are_applied_and_not_compared() -> None:
    log = log_of("asha")
    log[1] = {**log[1], "config": {"lr": 0.05, "width": 1}}
    assert len(list(differences(fresh("asha"), log))) == 1
    assert list(differences(fresh("asha"), log, trusted=2)) == []


def test_confirmations_are_none_of_the_strategys_business() -> None:
    log = log_of("asha")
    extra = {"e": "trial", "id": "c0", "i": 0, "config": {}, "phase": "confirm"}
    assert list(differences(fresh("asha"), [*log, extra])) == []
    assert restore(fresh("asha"), [*log, extra]).ask(0.0) == restore(fresh("asha"), log).ask(0.0)
