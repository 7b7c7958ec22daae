"""Asking ahead: questions are fixed by the log, whoever is slow; what cannot be had is random and says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.strategies.searchers.instant import instant

from perch.simulate import PowerLaw, differences, restore, simulate
from perch.space import parse_space
from perch.strategies.plan import Past, Plan
from perch.strategies.scheduler import Scheduler
from perch.strategies.searchers.prefetch import Inline, PrefetchSearcher, PrefetchSettings, Question, Reply, usual_ahead
from perch.strategies.strategy import New

SPACE = parse_space(
    {
        "lr": {"float": [0.001, 0.1], "log": True},
        "layers": {"int": [1, 8]},
        "width": {"int": [8, 128]},
        "where": "width * layers <= 600",
    }
)
PLAN = Plan(SPACE, epochs=3, trials=40, seed=1, workers=4)


class Recorder:
    """A port that remembers its questions; ``slow``: every reply takes so many looks."""

    def __init__(self, plan: Plan, slow: int = 0) -> None:
        self.inner, self.slow = instant(plan), slow
        self.questions: list[Question] = []
        self.looks: dict[Any, int] = {}
        self.prepared: list[int] = []
        self.closed = False

    def prepare(self) -> None:
        self.prepared.append(len(self.questions))

    def ask(self, question: Question) -> Reply | None:
        if question.key not in self.looks:
            self.questions.append(question)
        self.looks[question.key] = self.looks.get(question.key, 0) + 1
        return self.inner.ask(question) if self.looks[question.key] > self.slow else None

    def wait(self, seconds: float) -> None:
        pass

    def forget(self, number: int) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def strategy(plan: Plan, port: Any, **settings: Any) -> Scheduler:
    return Scheduler(plan, None, PrefetchSearcher("model", plan, PrefetchSettings(**settings), port))


def log(plan: Plan, port: Any, workers: int = 4, **settings: Any) -> list[dict[str, Any]]:
    return list(simulate(strategy(plan, port, **settings), PowerLaw(SPACE, seed=1), workers=workers))


def trials(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e for e in events if e["e"] == "trial"]


def test_the_design_comes_first_then_the_model() -> None:
    by = [t["by"] for t in trials(log(PLAN, instant(PLAN), initial=10))]
    assert by == ["design"] * 10 + ["model"] * 30


def test_a_question_holds_the_results_and_what_runs_or_is_promised() -> None:
    port = Recorder(PLAN)
    events = log(PLAN, port, initial=8, ahead=2)
    configs = {t["i"]: {k: t["config"][k] for k in SPACE.dimensions} for t in trials(events)}
    for question in port.questions:
        started = question.number - 2  # the trial whose start fixed the question
        before = events[: next(n for n, e in enumerate(events) if e["e"] == "trial" and e["i"] == started) + 1]
        ended = [e["id"] for e in before if e.get("d") == "stop"]
        running = [configs[t["i"]] for t in trials(before) if t["id"] not in ended]
        assert len(question.results) == len(ended)
        assert list(question.pending) == [*running, configs[question.number - 1]]


def test_every_question_is_put_once_and_none_beyond_the_budget() -> None:
    port = Recorder(PLAN)
    log(PLAN, port, initial=12, ahead=3)
    assert [q.number for q in port.questions] == list(range(12, 40))


def test_a_question_is_put_before_a_worker_is_free() -> None:
    port = Recorder(PLAN)
    one = strategy(PLAN, port, initial=3, ahead=2)
    for i in range(4):
        new = one.ask(0.0)
        assert new is not None
        event = {"e": "trial", "id": str(i), "i": i, "config": new.config, "by": new.by}  # type: ignore[union-attr]
        one.applied(event)
        one.applied({"e": "result", "id": str(i), "seg": 0, "epoch": 3, "value": 1.0 + i, "d": "stop"})
    known = len(port.questions)
    one.applied({"e": "trial", "id": "4", "i": 4, "config": one.ask(0.0).config, "by": "model"})  # type: ignore[union-attr]
    assert len(port.questions) == known + 1, "the start of a trial puts the question of a later one"


def late(plan: Plan, now_s: list[float], asked_s: list[float], **settings: Any) -> list[str]:
    """Who suggested each trial, where the model never answers and a strategy is asked at these times."""
    one, by = strategy(plan, Recorder(plan, slow=10**9), initial=3, **settings), []
    for n in range(4):
        one.applied({"e": "trial", "id": str(n), "i": n, "config": one.ask(0.0).config, "by": "design"})  # type: ignore[union-attr]
        one.applied({"e": "result", "id": str(n), "seg": 0, "epoch": 3, "value": 1.0 + n, "d": "stop"})
    n = 4
    for at_s in [*now_s, *asked_s]:
        new = one.ask(at_s)
        by.append(new.by if isinstance(new, New) else "-")
        if isinstance(new, New):
            one.applied({"e": "trial", "id": str(n), "i": n, "config": new.config, "by": new.by})
            n += 1
    return by


def test_many_workers_that_wait_get_points_of_the_design_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    many = replace(PLAN, workers=64)
    with caplog.at_level("WARNING", "perch.suggestions"):
        found = late(many, [10.0, 12.0, 14.9], [15.0, 15.0, 15.1], ahead=1)
    assert found == ["-", "-", "-", *["design (model is late)"] * 3], "once they have waited, all that are free start"
    assert caplog.text.count("come later than workers are free") == 1
    assert late(replace(PLAN, workers=16), [10.0], [1e6], ahead=1) == ["-", "-"], "a few workers wait"
    assert late(replace(PLAN, workers=2), [10.0, 10.5], [11.5], ahead=1, late_s=1.0)[-1].startswith("design")


def test_a_filled_in_trial_is_a_promise_to_the_questions_after_it_and_the_model_goes_on() -> None:
    many = replace(PLAN, workers=64, trials=20)
    port = Recorder(many)
    one, configs, by = strategy(many, port, initial=3, ahead=1), [], []
    now_s = 0.0
    for i in range(12):
        port.slow = 10**9 if i in (6, 7) else 0
        while (new := one.ask(now_s)) is None:
            now_s += 3.0
        configs.append({k: new.config[k] for k in SPACE.dimensions})  # type: ignore[union-attr]
        by.append(new.by)  # type: ignore[union-attr]
        one.applied({"e": "trial", "id": str(i), "i": i, "config": new.config, "by": new.by})  # type: ignore[union-attr]
        if i < 4:
            one.applied({"e": "result", "id": str(i), "seg": 0, "epoch": 3, "value": 1.0 + i, "d": "stop"})
    late_ones = [i for i, name in enumerate(by) if "late" in name]
    assert late_ones == [7] and by[5] == by[6] == by[8] == by[-1] == "model"
    for question in port.questions:
        if question.number > late_ones[0]:
            assert configs[late_ones[0]] in question.pending


@pytest.mark.parametrize(("workers", "ahead"), [(1, 1), (2, 1), (16, 8), (17, 17), (64, 64), (1000, 64)])
def test_with_many_workers_as_many_suggestions_are_asked_for_ahead(workers: int, ahead: int) -> None:
    assert usual_ahead(workers) == ahead


def test_a_slow_model_gives_the_same_trials() -> None:
    """None means not now, whoever asks and how often."""

    def answers(slow: int) -> list[Any]:
        plan = replace(PLAN, trials=14)
        one, found = strategy(plan, Recorder(plan, slow), initial=4, ahead=3), []
        for i in range(14):
            while (new := one.ask(0.0)) is None:
                pass
            found.append(new)
            one.applied({"e": "trial", "id": str(i), "i": i, "config": new.config, "by": new.by})  # type: ignore[union-attr]
            if i >= 3:
                one.applied({"e": "result", "id": str(i - 3), "seg": 0, "epoch": 3, "value": i / 10, "d": "stop"})
        return found

    assert answers(slow=0) == answers(slow=3)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_after_a_kill_the_same_is_asked_again(share: float) -> None:
    events = log(PLAN, instant(PLAN), initial=8, ahead=3)
    assert (
        list(differences(strategy(PLAN, instant(PLAN), initial=8, ahead=3), events, trusted=int(share * len(events))))
        == []
    )


def test_a_replay_asks_nothing() -> None:
    port = Recorder(PLAN)
    restore(strategy(PLAN, port), log(PLAN, instant(PLAN)))
    assert port.questions == []


def test_the_port_is_started_once_with_the_first_trial_while_the_design_still_runs() -> None:
    port = Recorder(PLAN)
    one = strategy(PLAN, port, initial=20)
    restore(one, log(replace(PLAN, trials=3), instant(PLAN)))
    assert port.prepared == [], "a replay starts nothing"
    new = one.ask(0.0)
    assert new is not None
    assert port.prepared == []
    one.applied({"e": "trial", "id": "00003", "i": 3, "config": new.config, "by": "design"})  # type: ignore[union-attr]
    assert port.prepared == [0]
    log(PLAN, port, initial=20)
    assert port.prepared == [0, 0], "once for each searcher, before any question"


def test_a_budget_that_the_design_uses_up_starts_nothing() -> None:
    port = Recorder(PLAN)
    log(PLAN, port, initial=40)
    assert (port.prepared, port.questions) == ([], [])


def test_it_says_whether_it_is_waiting_and_closes_its_port() -> None:
    port = Recorder(PLAN, slow=2)
    one = PrefetchSearcher("model", PLAN, PrefetchSettings(initial=3, ahead=1), port)
    for i in range(4):
        one.applied({"e": "trial", "id": str(i), "i": i, "config": SPACE.draw(0, i)})
        one.applied({"e": "result", "id": str(i), "seg": 0, "epoch": 3, "value": 1.0 + i, "d": "stop"})
    moment = (one.suggest(4, 0.0), one.waiting)
    assert moment == (None, True)
    assert one.suggest(4, 0.0) is not None
    assert not one.waiting
    one.close()
    assert port.closed


def answering(reply: Reply) -> Any:
    return Inline(lambda question: reply)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(trouble="given up after 3 deaths"), "given up after 3 deaths"),
        (Reply({"lr": 5.0, "layers": 1, "width": 8}), "lies outside"),
        (Reply({"lr": 0.01, "layers": 8, "width": 128}), "condition"),
    ],
)
def test_without_a_usable_reply_the_trial_is_random_and_says_why(reply: Reply, says: str) -> None:
    drawn = trials(log(PLAN, answering(reply), initial=8))[8:]
    assert all(says in t["by"] and t["by"].startswith("random (model: ") for t in drawn)
    assert [t["config"] for t in drawn] == [SPACE.draw(1, k) for k in range(8, 40)]


def test_a_configuration_is_not_trained_twice() -> None:
    same = Reply({"lr": 0.01, "layers": 2, "width": 16})
    drawn = trials(log(PLAN, answering(same), initial=8))[8:]
    assert [t["by"] for t in drawn].count("model") == 1


def test_the_results_of_an_earlier_run_are_in_the_first_question() -> None:
    past = tuple(Past(SPACE.draw(5, k), ((3, 0.5 + k),)) for k in range(6))
    plan = replace(PLAN, history=past)
    port = Recorder(plan)
    log(plan, port, initial=3, ahead=1)
    assert [t.value for t in port.questions[0].results[:6]] == [0.5 + k for k in range(6)]


@pytest.mark.parametrize(
    ("settings", "own_start", "values"),
    [
        ({}, 0, [1.0, 1.0]),
        ({"told": "last"}, 0, [1.0, 0.5]),
        ({"told_epoch": 2}, 0, [1.0, 0.7]),
        ({}, 2, [1.0, 0.5]),
    ],
    ids=["the first rung", "told: last", "told_epoch", "stock: as in the source study"],
)
def test_what_a_trial_is_worth_to_the_model(settings: dict[str, Any], own_start: int, values: list[float]) -> None:
    """One trial stopped at the first rung, another that ran to its end: by default both are worth their first epoch."""
    port = Recorder(PLAN)
    search = PrefetchSearcher("model", PLAN, PrefetchSettings(ahead=1, **settings), port, rung=1, own_start=own_start)
    one = Scheduler(PLAN, None, search)
    for trial in ("00000", "00001"):
        new = one.ask(0.0)
        assert isinstance(new, New)
        one.applied({"e": "trial", "id": trial, "i": int(trial), "config": new.config, "seen": 0, "by": new.by})
    one.applied({"e": "result", "id": "00000", "seg": 0, "epoch": 1, "value": 1.0, "d": "stop"})
    for epoch, value in enumerate((1.0, 0.7, 0.5), start=1):
        one.applied(
            {
                "e": "result",
                "id": "00001",
                "seg": 0,
                "epoch": epoch,
                "value": value,
                "d": "stop" if epoch == 3 else "go",
            }
        )
    assert [known.value for known in search._ledger.observations] == values
