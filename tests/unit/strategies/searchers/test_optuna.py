"""Optuna's samplers behind the protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.simulate import PowerLaw, differences, simulate
from perch.space import parse_space
from perch.strategies.plan import Past, Plan
from perch.strategies.registry import build
from perch.strategies.searchers.observations import Observation
from perch.strategies.searchers.optuna import Axes, GaussianProcess, TpeSearch, most_telling
from perch.strategies.searchers.prefetch import Question

optuna = pytest.importorskip("optuna")

SPACE = parse_space(
    {
        "lr": {"float": [0.001, 0.1], "log": True},
        "layers": {"int": [1, 8]},
        "width": {"int": [8, 128], "log": True},
        "batch": {"choice": [64, 16, 32]},
        "flag": {"choice": [True, 1, "one"]},
        "where": "width * layers <= 300",
    }
)
PLAN = Plan(SPACE, epochs=9, trials=60, seed=2, workers=4)


def log(name: str, plan: Plan = PLAN) -> list[dict[str, Any]]:
    return list(simulate(build(name, plan), PowerLaw(SPACE, seed=1, diverging=0.1), workers=4))


def configs(events: list[dict[str, Any]]) -> list[Any]:
    return [e["config"] for e in events if e["e"] == "trial"]


def test_encoding_is_undone_by_decoding() -> None:
    axes = Axes(dict(SPACE.dimensions))
    for k in range(50):
        config = SPACE.draw(0, k)
        again = axes.decode(axes.encode(config))
        assert again == config
        assert type(again["flag"]) is type(config["flag"])


@pytest.mark.parametrize("name", ["tpe", "asha-tpe"])
def test_a_run_killed_anywhere_decides_as_an_unkilled_one(name: str) -> None:
    events = log(name)
    for share in (0.3, 0.6, 0.9):
        assert list(differences(build(name, PLAN), events, trusted=int(share * len(events)))) == []


def test_conditions_hold_and_the_sampler_is_used() -> None:
    events = log("asha-tpe")
    assert all(SPACE.allows(c) for c in configs(events))
    by = [e["by"] for e in events if e["e"] == "trial"]
    assert by.count("tpe") >= 0.95 * (len(by) - by.count("design"))


def states(search: TpeSearch) -> list[tuple[str, Any, dict[int, float]]]:
    """What the sampler sees: everything but failed trials."""
    trials = [t for t in search._study.get_trials() if t.state.name != "FAIL"]
    return [(t.state.name, t.value if t.state.name == "COMPLETE" else None, t.intermediate_values) for t in trials]


def test_stopped_trials_are_pruned_with_their_values_and_failed_ones_rank_last() -> None:
    search = TpeSearch(PLAN)
    for i in range(4):
        search.applied({"e": "trial", "id": str(i), "i": i, "config": SPACE.draw(0, i)})
    for epoch, value in ((1, 0.9), (3, 0.7)):
        search.applied({"e": "result", "id": "0", "epoch": epoch, "value": value, "d": "stop" if epoch == 3 else "go"})
    search.applied({"e": "result", "id": "1", "epoch": 9, "value": 0.2, "d": "stop"})
    search.applied({"e": "result", "id": "2", "epoch": 8, "value": 0.1, "d": "go"})
    search.applied({"e": "error", "id": "2", "failure": "diverged"})
    running, *ended = states(search)
    assert running[0] == "RUNNING"
    assert ended == [("PRUNED", None, {1: 0.9, 3: 0.7}), ("COMPLETE", 0.2, {9: 0.2}), ("PRUNED", None, {})]


def test_an_earlier_run_is_told() -> None:
    history = (Past(SPACE.draw(5, 0), ((1, 0.5), (9, 0.3))), Past(SPACE.draw(5, 1), ((1, 0.6),)))
    found = states(TpeSearch(replace(PLAN, history=history)))
    assert [f[0] for f in found] == ["COMPLETE", "PRUNED"]


def question(number: int = 12, pending: int = 2) -> Question:
    curves = PowerLaw(SPACE, seed=1, noise=0.0)
    results = [
        Observation(SPACE.draw(0, k), curves.value(SPACE.draw(0, k), str(k), 9) if k else None) for k in range(10)
    ]
    return Question(number, tuple(results), tuple(SPACE.draw(1, k) for k in range(pending)))


def test_the_gaussian_process_answers_by_its_question_alone() -> None:
    process = GaussianProcess(SPACE, PLAN.seed)
    first = process(question())
    process(question(13, pending=0))
    assert process(question()) == first
    assert not first.trouble
    assert SPACE.allows(first.config)


@given(st.lists(st.integers(-5, 5).map(float), max_size=60), st.integers(2, 20))
def test_a_gaussian_process_is_given_the_best_and_some_of_all_others(values: list[float], most: int) -> None:
    places = most_telling(values, most)
    assert places == sorted(set(places)) and len(places) == min(len(values), most)
    left_out = [v for k, v in enumerate(values) if k not in places]
    if left_out:
        assert sorted(values)[: most // 2] == sorted(values[k] for k in places)[: most // 2]
