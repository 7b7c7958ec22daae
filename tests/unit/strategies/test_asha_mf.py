"""ASHA with a process over configuration and epoch: its quotas are ASHA's, its choices what the log says was foretold."""

from __future__ import annotations

from typing import Any

import pytest

from perch.simulate import Delays, PowerLaw, differences, simulate
from perch.space import parse_space
from perch.strategies.asha_mf import AshaMf, AshaMfSettings
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.strategies.strategy import Action, New, Resume

SPACE = parse_space(
    {"lr": {"float": [0.001, 1.0], "log": True}, "width": {"float": [0.0, 1.0]}, "kind": {"choice": ["a", "b"]}}
)
DELAYS = Delays(save_s=0.3, load_s=0.2)


def plan(trials: int = 27) -> Plan:
    return Plan(SPACE, 27, trials, seed=1, workers=3)


@pytest.fixture(scope="module")
def log() -> list[dict[str, Any]]:
    """The events of a study with the real model, in this thread."""
    curves = PowerLaw(SPACE, seed=1, noise=0.02, diverging=0.05)
    return list(simulate(build("asha-mf", plan()), curves, workers=3, delays=DELAYS, epochs=27))


def test_the_process_suggests_after_the_design_and_foretells_who_waits(log: list[dict[str, Any]]) -> None:
    by = [e["by"] for e in log if e["e"] == "trial"]
    assert by[:8] == ["design"] * 8
    assert by.count("mf") > 12
    foretold = [e["note"]["promise"] for e in log if e["e"] == "trial" and e["by"] == "mf"]
    assert max(map(len, foretold)) > 10


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_killed_anywhere_it_decides_and_suggests_as_its_log_says(log: list[dict[str, Any]], share: float) -> None:
    assert list(differences(build("asha-mf", plan()), log, trusted=int(share * len(log)))) == []


def test_no_rung_lets_more_go_on_than_asha_does(log: list[dict[str, Any]]) -> None:
    arrived: dict[int, int] = {}
    gone: dict[int, int] = {}
    at: dict[str, int] = {}
    for event in log:
        if event["e"] == "result" and event.get("rung"):
            rung = at[event["id"]] = event["rung"]
            arrived[rung] = arrived.get(rung, 0) + 1
            gone[rung] = gone.get(rung, 0) + (event["d"] == "go")
        elif event["e"] == "promote":
            gone[at[event["id"]]] += 1
        assert all(gone[r] <= arrived[r] // 3 for r in gone)
    assert gone[1] == arrived[1] // 3
    assert log[-1]["why"] == "done"


def paused(values: list[float], promise: dict[str, float], eta: int = 2) -> AshaMf:
    """Trials that wait at the first rung, and a further one whose suggestion came with what is foretold of them."""
    strategy = AshaMf(Plan(SPACE, 8, 50), AshaMfSettings(reduction_factor=eta))
    for ordinal, value in enumerate(values):
        strategy.applied(
            {"e": "trial", "id": str(ordinal), "i": ordinal, "config": SPACE.draw(0, ordinal), "bracket": 0}
        )
        strategy.applied({"e": "result", "id": str(ordinal), "seg": 0, "epoch": 1, "value": value, "d": "pause"})
    event = {"e": "trial", "id": "new", "i": len(values), "config": SPACE.draw(0, 99), "bracket": 0}
    strategy.applied({**event, "note": {"promise": [[t, end] for t, end in promise.items()]}})
    return strategy


def test_the_best_end_goes_on_and_not_the_best_value() -> None:
    assert paused([0.1, 0.2, 0.3, 0.4], {}).ask(0.0) == Resume("0")
    strategy = paused([0.1, 0.2, 0.3, 0.4], {"0": 0.09, "1": 0.08, "2": 0.02, "3": 0.03})
    for expected in ("2", "3"):
        assert strategy.ask(0.0) == Resume(expected)
        strategy.applied({"e": "promote", "id": expected})
    assert isinstance(strategy.ask(0.0), New), "half of four have gone on"


def test_who_is_not_foretold_yet_counts_as_the_others_do_on_average() -> None:
    strategy = paused([0.1, 0.2, 0.3, 0.15], {"0": 0.0, "1": 0.1, "2": 0.2})
    assert strategy._estimates({"0": 0.1, "3": 0.15}) == pytest.approx({"0": 0.0, "3": 0.05})


def test_a_trial_that_would_be_resumed_at_once_goes_on() -> None:
    strategy = paused([0.5], {"0": 0.4})
    assert strategy.tell("new", 1, 0.1, 0.0).action == Action.GO
    decision = strategy.tell("new", 1, 0.6, 0.0)
    assert (decision.action, decision.rank, decision.size) == (Action.PAUSE, 2, 2)
