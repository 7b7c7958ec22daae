"""Top-k: the best k of all trials at one rung train to the end, whatever the order of results and however many workers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perch.errors import StrategyError
from perch.simulate import Delays, PowerLaw, simulate
from perch.space import parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.strategies.strategy import Action, New, Resume

SPACE = parse_space({"lr": {"float": [0.001, 0.1]}, "width": {"int": [1, 64]}})


def run(
    spec: dict[str, Any], trials: int | None, workers: int, seed: int, diverging: float = 0.0
) -> list[dict[str, Any]]:
    strategy = build(spec, Plan(SPACE, 12, trials, seed=seed, workers=workers))
    curves = PowerLaw(SPACE, seed=seed, noise=0.1, diverging=diverging)
    time_s = 200.0 if trials is None else None
    return list(simulate(strategy, curves, workers=workers, time_s=time_s, delays=Delays(save_s=0.3, load_s=0.2)))


def at_rung(log: list[dict[str, Any]]) -> dict[str, float]:
    return {e["id"]: e["value"] for e in log if e["e"] == "result" and e.get("rung")}


@settings(max_examples=40, deadline=None)
@given(
    k=st.integers(1, 8),
    grace=st.integers(1, 3),
    workers=st.integers(1, 9),
    seed=st.integers(0, 50),
    trials=st.integers(8, 30),
)
def test_exactly_the_best_k_train_to_the_end(k: int, grace: int, workers: int, seed: int, trials: int) -> None:
    log = run({"name": "topk", "k": k, "grace_period": grace}, trials, workers, seed)
    values = at_rung(log)
    assert len(values) == trials
    ended = {e["id"] for e in log if e["e"] == "result" and e["epoch"] == 12}
    assert ended == set(sorted(values, key=lambda t: (values[t], t))[:k])
    assert all(e["epoch"] <= grace for e in log if e["e"] == "result" and e["id"] not in ended)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 50), workers=st.integers(1, 6))
def test_a_trial_that_fails_gives_its_place_to_the_next(seed: int, workers: int) -> None:
    log = run({"name": "topk", "k": 3}, 20, workers, seed, diverging=0.4)
    values, failed = at_rung(log), {e["id"] for e in log if e["e"] == "error"}
    good = [t for t in sorted(values, key=lambda t: (values[t], t)) if t not in failed]
    assert {e["id"] for e in log if e["e"] == "result" and e["epoch"] == 12} == set(good[:3])


def test_by_default_the_best_get_as_many_epochs_as_the_rung() -> None:
    log = run({"name": "topk"}, 110, 4, 0)
    results = [e for e in log if e["e"] == "result"]
    assert sum(e["epoch"] == 12 for e in results) == 10
    assert sum(e["epoch"] == 1 for e in results) == sum(e["epoch"] > 1 for e in results) == 110


def test_without_a_number_of_trials_rung_and_best_share_the_epochs() -> None:
    log = run({"name": "topk"}, None, 4, 0)
    results = [e for e in log if e["e"] == "result"]
    first, later = sum(e["epoch"] == 1 for e in results), sum(e["epoch"] > 1 for e in results)
    assert first > 100
    assert first - 4 * 11 <= later <= first


def test_k_without_a_number_of_trials_is_refused() -> None:
    with pytest.raises(StrategyError, match=r"k is 3, and budget\.trials is not given"):
        build({"name": "topk", "k": 3}, Plan(SPACE, 12, None))


def screened(values: list[float], trials: int, k: int) -> Any:
    strategy = build({"name": "topk", "k": k}, Plan(SPACE, 12, trials))
    for ordinal, value in enumerate(values):
        strategy.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": {}, "bracket": 0})
        strategy.applied({"e": "result", "id": str(ordinal), "seg": 0, "epoch": 1, "value": value, "d": "pause"})
        strategy.applied({"e": "checkpoint", "id": str(ordinal), "seg": 0, "epoch": 1, "path": ""})
    return strategy


def test_nobody_goes_on_while_one_that_is_still_to_come_could_displace_it() -> None:
    assert isinstance(screened([0.3, 0.1], 4, 2).ask(0.0), New)
    assert screened([0.3, 0.1, 0.5, 0.4], 4, 2).ask(0.0) == Resume("1")


def test_the_last_to_come_goes_on_at_once_when_it_is_the_best() -> None:
    strategy = screened([0.3, 0.1], 3, 1)
    strategy.applied({"e": "trial", "id": "2", "i": 2, "config": {}, "bracket": 0})
    assert strategy.tell("2", 1, 0.05, 0.0).action == Action.GO
    worse = strategy.tell("2", 1, 0.2, 0.0)
    assert (worse.action, worse.cutoff, worse.rank, worse.checkpoint) == (Action.PAUSE, 0.1, 2, False)


def test_checkpoints_of_those_that_left_the_best_k_are_surplus() -> None:
    assert screened([0.4, 0.3, 0.2, 0.1], 6, 2).surplus() == (("0", 0, 1), ("1", 0, 1))
