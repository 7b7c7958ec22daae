"""What every registered strategy keeps, without Ray: a new file in perch/strategies is tested the moment it exists."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.strategies.searchers.instant import instant

from perch.errors import StrategyError
from perch.simulate import Delays, PowerLaw, differences, restore, simulate
from perch.space import Space, parse_space
from perch.strategies import registry
from perch.strategies.registry import STRATEGIES, Entry, Plan, read_settings
from perch.strategies.searchers.prefetch import AheadSettings, PrefetchSearcher
from perch.strategies.searchers.random import RandomSearch
from perch.strategies.strategy import DONE, STOP, Answer, Decision, Done, Event, New, Searcher, Strategy

NAMES = STRATEGIES.names()
EPOCHS = 27
DELAYS = Delays(start_s=3.0, turnover_s=0.05, save_s=0.3, load_s=0.2)
SPACE = parse_space(
    {
        "lr": {"float": [0.0003, 0.1], "log": True},
        "momentum": {"float": [0.0, 0.99]},
        "width": {"int": [8, 128], "log": True},
        "layers": {"int": [1, 8]},
        "batch_size": {"choice": [16, 32, 64, 128]},
        "optimizer": {"choice": ["adam", "sgd"]},
        "pooling": "mean",
        "where": "width * layers <= 600",
    }
)
DISCRETE = parse_space(
    {
        "layers": {"int": [1, 12]},
        "width": {"int": [1, 10]},
        "batch_size": {"choice": [16, 32, 64, 128]},
        "optimizer": {"choice": ["adam", "sgd"]},
        "pooling": "mean",
        "where": "width * layers <= 100",
    }
)


def build(name: str, plan: Plan, searcher: Searcher | None = None) -> Any:
    """As a run does; searchers that are asked ahead get a port that answers at once, without a process or a model."""
    entry, settings = read_settings(name)
    if searcher is None and isinstance(settings, AheadSettings):
        searcher = PrefetchSearcher(entry.searcher, plan, settings, instant(plan))
    return registry.build(name, plan, searcher)


def space_of(name: str) -> Space:
    return DISCRETE if name == "grid" else SPACE


def plan_for(name: str, trials: int | None = 60, **changes: Any) -> Plan:
    return replace(Plan(space_of(name), EPOCHS, trials, seed=3, workers=4), **changes)


def curves_for(name: str, diverging: float = 0.05) -> PowerLaw:
    return PowerLaw(space_of(name), seed=1, diverging=diverging)


def run(name: str, plan: Plan, strategy: Strategy | None = None, workers: int = 4) -> list[dict[str, Any]]:
    strategy = build(name, plan) if strategy is None else strategy
    return list(simulate(strategy, curves_for(name), workers=workers, delays=DELAYS))


def learns_nothing(entry: Entry) -> bool:
    """Suggestions cost microseconds and depend on the ordinal alone."""
    return entry.searcher.startswith(("random", "grid"))


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def log(name: str) -> list[dict[str, Any]]:
    """The events of a study of 60 trials with some that diverge."""
    return run(name, plan_for(name))


def test_every_configuration_lies_in_the_space_and_honours_its_conditions(name: str, log: list[dict[str, Any]]) -> None:
    configs = [e["config"] for e in log if e["e"] == "trial"] + [e["x"]["config"] for e in log if "x" in e]
    assert len(configs) >= 60
    space = space_of(name)
    assert [list(space.problems(c)) for c in configs if list(space.problems(c))] == []
    assert all(list(c) == list(space.complete(c)) and c["pooling"] == "mean" for c in configs)


def test_a_study_ends_with_every_trial_accounted_for(log: list[dict[str, Any]]) -> None:
    started = {e["id"] for e in log if e["e"] == "trial"}
    ended = {e["id"] for e in log if e["e"] == "error" or e.get("d") == "stop"}
    paused = {e["id"] for e in log if e.get("d") == "pause"} - ended
    assert len(started) == 60
    assert started == ended | paused
    assert log[-1]["why"] == "done"


def test_its_log_is_json_and_says_the_same_when_read_again(log: list[dict[str, Any]]) -> None:
    assert json.loads(json.dumps(log, allow_nan=False)) == log


def test_equal_seeds_and_orders_of_results_give_equal_logs(name: str, log: list[dict[str, Any]]) -> None:
    assert run(name, plan_for(name)) == log


def test_another_seed_gives_another_log(name: str, log: list[dict[str, Any]]) -> None:
    if name == "grid":
        pytest.skip("a grid has no randomness")
    assert run(name, plan_for(name, seed=4)) != log


def test_it_decides_again_what_its_log_says(name: str, log: list[dict[str, Any]]) -> None:
    assert list(differences(build(name, plan_for(name)), log)) == []


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_killed_at_any_instant_it_goes_on_as_if_nothing_had_happened(
    name: str, log: list[dict[str, Any]], share: float
) -> None:
    """Events before the kill are applied, and every later decision is compared."""
    assert list(differences(build(name, plan_for(name)), log, trusted=int(share * len(log)))) == []


def noisy(events: list[dict[str, Any]], rng: random.Random) -> Iterator[dict[str, Any]]:
    """The events, some of them twice, with late results of ended trials and kinds that no strategy reads."""
    ended: list[dict[str, Any]] = []
    for event in events:
        yield event
        if event["e"] != "drop" and rng.random() < 0.5:
            yield event
        if event.get("d") == "stop":
            ended.append(event)
        if ended and rng.random() < 0.2:
            late = rng.choice(ended)
            yield {**late, "epoch": late["epoch"] + 1, "d": "go", "value": 0.0}
        if rng.random() < 0.05:
            yield {"e": "spent", "id": event.get("id", ""), "training_s": 1.0}
            yield {"e": "lost", "id": event.get("id", ""), "seg": 0, "epoch": 1}


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
def test_repeated_late_and_unknown_events_change_nothing(name: str, log: list[dict[str, Any]], share: float) -> None:
    past, future = log[: int(share * len(log))], log[int(share * len(log)) :]
    strategy = build(name, plan_for(name))
    for event in noisy(past, random.Random(0)):
        strategy.applied(event)
    assert strategy.surplus() == restore(build(name, plan_for(name)), past).surplus()
    assert list(differences(strategy, future)) == []


class Nosy:
    """Asks and tells everything several times, with nonsense in between, as no driver should."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.applied = strategy.applied
        self.surplus = strategy.surplus
        self.judged_by = strategy.judged_by

    def ask(self, now_s: float) -> Answer:
        first = self.strategy.ask(now_s)
        assert self.strategy.ask(now_s) == first
        return first

    def tell(self, trial: str, epoch: int, value: float, now_s: float) -> Decision:
        self.strategy.tell(trial, epoch, value + 0.1, now_s)
        first = self.strategy.tell(trial, epoch, value, now_s)
        self.strategy.ask(now_s)
        self.strategy.surplus()
        assert self.strategy.tell(trial, epoch, value, now_s) == first
        return first


def test_asking_and_telling_change_nothing(name: str, log: list[dict[str, Any]]) -> None:
    assert run(name, plan_for(name), Nosy(build(name, plan_for(name)))) == log


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_ends_its_trial_and_enters_nothing(name: str, value: float) -> None:
    strategy, twin = build(name, plan_for(name)), build(name, plan_for(name))
    for s in (strategy, twin):
        for ordinal in range(5):
            new = s.ask(0.0)
            assert isinstance(new, New)
            event = {"e": "trial", "id": str(ordinal), "i": ordinal, "config": new.config, "bracket": new.bracket}
            s.applied({**event, "by": new.by, "seen": 0, "note": dict(new.note)})
    assert strategy.tell("0", 1, value, 1.0) == STOP
    bad = {"e": "result", "id": "0", "seg": 0, "epoch": 1, "value": value, "d": "stop"}
    strategy.applied(bad)
    twin.applied({"e": "error", "id": "0", "seg": 0, "epoch": 0, "failure": "diverged"})
    for ordinal in range(1, 5):
        told = [s.tell(str(ordinal), 1, 0.5 + ordinal / 10, 2.0) for s in (strategy, twin)]
        assert told[0] == told[1]
        for s in (strategy, twin):
            x = {"e": "result", "id": str(ordinal), "seg": 0, "epoch": 1, "value": 0.5 + ordinal / 10}
            s.applied({**x, "d": str(told[0].action)})


def test_trials_it_does_not_know_are_stopped(name: str) -> None:
    assert build(name, plan_for(name)).tell("nobody", 1, 0.5, 0.0) == STOP


def test_the_last_epoch_ends_a_trial(log: list[dict[str, Any]]) -> None:
    last = [e for e in log if e["e"] == "result" and e["epoch"] >= EPOCHS]
    assert last
    assert {e["d"] for e in last} == {"stop"}
    assert max(e["epoch"] for e in last) == EPOCHS


def test_it_finishes_a_study_of_a_thousand_trials(name: str) -> None:
    entry = STRATEGIES.get(name)
    trials = 1000 if learns_nothing(entry) else 100
    plan = plan_for(name, trials)
    log = run(name, plan, workers=32)
    assert log[-1]["why"] == "done"
    wanted = trials if name != "grid" else min(trials, build(name, plan).trials)  # type: ignore[attr-defined]
    assert sum(e["e"] == "trial" for e in log) == wanted


def test_a_larger_budget_extends_a_finished_run(name: str, log: list[dict[str, Any]]) -> None:
    small = restore(build(name, plan_for(name)), log)
    assert isinstance(small.ask(1e6), Done)
    large = restore(build(name, plan_for(name, 90)), log)
    answer = large.ask(1e6)
    assert not isinstance(answer, Done)
    assert answer is not None
    whole = run(name, plan_for(name, 90))
    assert sum(e["e"] == "trial" for e in whole) == 90


def test_without_a_number_of_trials_it_goes_on_until_time_is_up(name: str) -> None:
    if name in ("grid", "pbt"):
        pytest.skip("its number of trials is its own")
    strategy = build(name, plan_for(name, None))
    log = list(simulate(strategy, curves_for(name), workers=4, time_s=300.0, delays=DELAYS))
    assert log[-1]["why"] == "budget"
    assert log[-1]["used_s"] == 300.0
    assert sum(e["e"] == "trial" for e in log) > 20


def test_the_points_of_the_study_come_first(name: str) -> None:
    space = space_of(name)
    points = tuple({k: v for k, v in space.draw(99, k).items() if k != "pooling"} for k in range(3))
    trials = [e for e in run(name, plan_for(name, 40, points=points)) if e["e"] == "trial"]
    assert [t["config"] for t in trials[:3]] == [space.complete(p) for p in points]
    assert [t["by"] for t in trials[:4]].count("point") == 3


def test_random_configurations_depend_on_the_seed_and_their_number_alone(name: str, log: list[dict[str, Any]]) -> None:
    if not STRATEGIES.get(name).searcher.startswith("random"):
        pytest.skip("its searcher is not random search")
    drawn = [e["config"] for e in log if e["e"] == "trial"]
    assert drawn == [SPACE.draw(3, k) for k in range(60)]


@dataclass
class Slow:
    """A searcher that is not ready at two of three moments, as one in another process is."""

    inner: Searcher
    name: str = "slow"

    def suggest(self, ordinal: int, now_s: float) -> New | None:
        return self.inner.suggest(ordinal, now_s) if int(now_s * 3) % 3 == 0 else None

    def applied(self, event: Event) -> None:
        self.inner.applied(event)


def begun(strategy: Any, trials: int, by_hand: dict[int, dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Trials that begin one after another; before those of these numbers a configuration is added by hand."""
    out: list[dict[str, Any]] = []

    def begin(new: Any) -> None:
        event = {"e": "trial", "id": f"{len(out):05d}", "i": len(out), "config": new.config, "bracket": new.bracket}
        strategy.applied({**event, "by": new.by, "seen": 0, "note": dict(new.note)})
        out.append({**event, "by": new.by})

    for number in range(trials):
        if by_hand and number in by_hand:
            begin(strategy.by_hand(by_hand[number]))
        answer = strategy.ask(float(number))
        if not isinstance(answer, New):
            break
        begin(answer)
    return out


def test_a_configuration_that_is_added_by_hand_comes_beyond_the_strategys_own(name: str) -> None:
    """Before the study's points, and among the others."""
    space = space_of(name)
    added = [space.draw(77, k) for k in range(2)]
    points = tuple({k: v for k, v in space.draw(99, k).items() if k != "pooling"} for k in range(3))
    plan = plan_for(name, 20, points=points)
    mixed = begun(build(name, plan), 60, {0: added[0], 7: added[1]})
    own = [t for t in mixed if t["by"] != "request"]
    assert [t["config"] for t in mixed if t["by"] == "request"] == added
    assert len(own) == 20
    assert [t["by"] for t in own[:4]].count("point") == 3
    if learns_nothing(STRATEGIES.get(name)):
        alone = begun(build(name, plan), 60)
        assert [(t["config"], t["bracket"]) for t in own] == [(t["config"], t["bracket"]) for t in alone]


def test_a_configuration_outside_the_space_is_not_added(name: str) -> None:
    strategy = build(name, plan_for(name))
    for config in ({}, {**space_of(name).draw(1, 0), "layers": 99}, {**space_of(name).draw(1, 0), "more": 1}):
        with pytest.raises(StrategyError, match="outside the search space"):
            strategy.by_hand(config)


def test_a_budget_that_is_changed_on_the_way_is_kept_to(name: str) -> None:
    """Larger and smaller ones, and one that lies below what has begun."""
    for budget in (25, 12, 5):
        strategy = build(name, plan_for(name, 20))
        first = begun(strategy, 10)
        strategy.applied({"e": "budget", "trials": budget, "time": None})
        more = 0
        while isinstance(answer := strategy.ask(0.0), New):
            number = len(first) + more
            event = {
                "e": "trial",
                "id": f"{number:05d}",
                "i": number,
                "config": answer.config,
                "bracket": answer.bracket,
            }
            strategy.applied({**event, "by": answer.by, "seen": 0, "note": dict(answer.note)})
            more += 1
        assert len(first) + more == max(budget, 10)


def test_a_slow_searcher_is_not_the_end(name: str) -> None:
    """None means "not now": the strategy is never done before its budget is."""
    if not learns_nothing(STRATEGIES.get(name)):
        pytest.skip("it brings a searcher of its own")
    plan = plan_for(name)
    strategy = build(name, plan, Slow(RandomSearch(plan)))
    answers = []
    for ordinal in range(60):
        for step in range(9):
            answer = strategy.ask(ordinal + step / 9)
            answers.append(answer)
            if isinstance(answer, New):
                event = {"e": "trial", "id": f"{ordinal:05d}", "i": ordinal, "config": answer.config}
                strategy.applied({**event, "bracket": answer.bracket, "by": answer.by})
                break
    assert DONE not in answers
    assert sum(isinstance(a, New) for a in answers) == 60


def test_a_trial_lost_at_once_does_not_stop_the_others(name: str) -> None:
    """Every second trial fails before it reports anything."""
    strategy = build(name, plan_for(name, 20))
    live: dict[str, int] = {}
    for ordinal in range(20):
        new = strategy.ask(0.0)
        assert isinstance(new, New)
        event = {"e": "trial", "id": str(ordinal), "i": ordinal, "config": new.config, "bracket": new.bracket}
        strategy.applied({**event, "by": new.by, "seen": 0, "note": dict(new.note)})
        live[str(ordinal)] = 0
    for trial in list(live)[::2]:
        strategy.applied({"e": "error", "id": trial, "seg": 0, "epoch": 0, "failure": "code"})
        del live[trial]
    assert not isinstance(strategy.ask(0.0), (Done, New))
    for trial in live:
        strategy.applied({"e": "error", "id": trial, "seg": 0, "epoch": 0, "failure": "lost"})
    assert isinstance(strategy.ask(0.0), Done)
