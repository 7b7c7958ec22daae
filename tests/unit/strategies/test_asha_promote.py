"""Promoting ASHA: the paper's algorithm, checked at every event of simulated studies against a plain transcription."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from perch.simulate import Delays, PowerLaw, simulate
from perch.space import parse_space
from perch.strategies.asha import AshaSettings
from perch.strategies.asha_promote import AshaPromote
from perch.strategies.plan import Plan
from perch.strategies.strategy import GO, Action, Answer, Decision, Event, New, Resume

SPACE = parse_space({"lr": {"float": [0.001, 0.1]}, "width": {"int": [1, 64]}})


@dataclass
class Paper:
    """Algorithm 2 of the paper, with lists that are sorted anew each time."""

    rungs: list[int]
    eta: int
    values: dict[int, dict[str, float]] = field(default_factory=dict)
    promoted: dict[int, set[str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def promotable(self) -> tuple[str, int] | None:
        """The job that the algorithm gives a free worker, None for a new trial at the base."""
        for rung in reversed(self.rungs):
            values = self.values.get(rung, {})
            top = sorted(values, key=lambda t: (values[t], t))[: len(values) // self.eta]
            for trial in top:
                if trial not in self.promoted.get(rung, set()) and trial not in self.ended:
                    return trial, rung
        return None


class Checked(AshaPromote):
    """The strategy under the eyes of the transcription."""

    def __init__(self, plan: Plan, settings: AshaSettings) -> None:
        super().__init__(plan, settings)
        self.paper = Paper(list(self.rungs), settings.reduction_factor)
        self.promotions = self.at_once = 0

    def ask(self, now_s: float) -> Answer:
        answer, job = super().ask(now_s), self.paper.promotable()
        assert (answer.trial if isinstance(answer, Resume) else None) == (job[0] if job else None)
        return answer

    def tell(self, trial: str, epoch: int, value: float, now_s: float) -> Decision:
        decision = super().tell(trial, epoch, value, now_s)
        if decision.rung is not None:
            self.paper.values.setdefault(epoch, {})[trial] = value
            assert (decision.action == Action.GO) == (self.paper.promotable() == (trial, epoch))
        return decision

    def applied(self, event: Event) -> None:
        super().applied(event)
        if event["e"] == "promote":
            rung = max(r for r in self.rungs if event["id"] in self.paper.values.get(r, {}))
            self.paper.promoted.setdefault(rung, set()).add(event["id"])
            self.promotions += 1
        elif event["e"] == "error":
            self.paper.ended.add(event["id"])
        elif event["e"] == "result" and event["epoch"] in self.rungs and event["d"] == "go":
            self.paper.promoted.setdefault(event["epoch"], set()).add(event["id"])
            self.at_once += 1


@settings(max_examples=25, deadline=None)
@given(
    eta=st.integers(2, 4),
    grace=st.integers(1, 3),
    workers=st.integers(1, 12),
    seed=st.integers(0, 100),
    diverging=st.sampled_from([0.0, 0.2]),
)
def test_it_promotes_what_the_paper_promotes_and_is_never_idle_while_something_can_be(
    eta: int, grace: int, workers: int, seed: int, diverging: float
) -> None:
    chosen = AshaSettings(reduction_factor=eta, grace_period=grace)
    strategy = Checked(Plan(SPACE, 27, 60, seed=seed), chosen)
    curves = PowerLaw(SPACE, seed=seed, noise=0.1, diverging=diverging)
    log = list(simulate(strategy, curves, workers=workers, delays=Delays(save_s=0.3, load_s=0.2)))
    assert log[-1]["why"] == "done"
    assert strategy.at_once + strategy.promotions > 0
    assert_no_rung_is_skipped(log, list(strategy.rungs))


def assert_no_rung_is_skipped(log: list[dict[str, Any]], rungs: list[int]) -> None:
    visited: dict[str, list[int]] = {}
    for event in log:
        if event["e"] == "result" and event.get("rung"):
            visited.setdefault(event["id"], []).append(event["rung"])
    assert visited
    assert all(seen == rungs[: len(seen)] for seen in visited.values())


def paused(values: list[float], eta: int = 2, trials: int = 100) -> AshaPromote:
    """Trials that have reached the first rung, in this order, and paused there."""
    strategy = AshaPromote(Plan(SPACE, 8, trials), AshaSettings(reduction_factor=eta))
    for ordinal, value in enumerate(values):
        strategy.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": {}, "bracket": 0})
        event = {"e": "result", "id": str(ordinal), "seg": 0, "epoch": 1, "value": value, "d": "pause"}
        strategy.applied(event)
        strategy.applied({"e": "checkpoint", "id": str(ordinal), "seg": 0, "epoch": 1, "path": ""})
    return strategy


def test_the_first_to_arrive_does_not_pass_only_because_it_came_first() -> None:
    strategy = paused([])
    strategy.applied({"e": "trial", "id": "0", "i": 0, "config": {}, "bracket": 0})
    assert strategy.tell("0", 1, 0.5, 0.0) == Decision(Action.PAUSE, 1, None, 1, 1)


def test_the_best_waiting_trial_of_the_top_share_is_promoted() -> None:
    strategy = paused([0.5, 0.3, 0.7, 0.2])
    assert strategy.ask(0.0) == Resume("3")
    strategy.applied({"e": "promote", "id": "3"})
    assert strategy.ask(0.0) == Resume("1")
    strategy.applied({"e": "promote", "id": "1"})
    assert isinstance(strategy.ask(0.0), New)


def test_a_trial_that_would_be_resumed_at_once_goes_on_without_a_checkpoint() -> None:
    strategy = paused([0.5])
    strategy.applied({"e": "trial", "id": "1", "i": 1, "config": {}, "bracket": 0})
    assert strategy.tell("1", 1, 0.4, 0.0) == Decision(Action.GO, 1, 0.4, 1, 2)
    assert strategy.tell("1", 1, 0.6, 0.0).action == Action.PAUSE


def test_a_trial_gives_way_to_a_promotion_above() -> None:
    strategy = paused([0.5, 0.3])
    for trial, value in (("1", 0.3), ("0", 0.2)):
        strategy.applied({"e": "promote", "id": trial})
        strategy.applied({"e": "result", "id": trial, "seg": 0, "epoch": 2, "value": value, "d": "pause"})
    for ordinal in (2, 3):
        strategy.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": {}, "bracket": 0})
    strategy.applied({"e": "result", "id": "2", "seg": 0, "epoch": 1, "value": 0.9, "d": "pause"})
    assert strategy.tell("3", 1, 0.1, 0.0).action == Action.PAUSE
    assert strategy.ask(0.0) == Resume("0")


def test_checkpoints_outside_the_top_two_in_eta_are_not_written_and_those_that_fall_out_are_surplus() -> None:
    """η = 4: of eight places four are kept, whoever comes."""
    strategy = paused([0.1, 0.2, 0.3, 0.4, 0.5, 0.05, 0.06, 0.07], eta=4)
    assert strategy.surplus() == (("4", 0, 1), ("3", 0, 1), ("2", 0, 1), ("1", 0, 1))
    strategy.applied({"e": "drop", "id": "3", "seg": 0, "epoch": 1})
    assert strategy.surplus() == (("4", 0, 1), ("2", 0, 1), ("1", 0, 1))
    strategy.applied({"e": "trial", "id": "8", "i": 8, "config": {}, "bracket": 0})
    assert strategy.tell("8", 1, 0.08, 0.0).checkpoint
    assert not strategy.tell("8", 1, 0.9, 0.0).checkpoint


def test_a_promoted_trials_checkpoint_is_needed_again() -> None:
    strategy = paused([0.1, 0.2, 0.3, 0.4, 0.5], eta=4)
    assert strategy.surplus() == (("4", 0, 1),)
    for ordinal in range(5, 20):
        strategy.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": {}, "bracket": 0})
        event = {"e": "result", "id": str(ordinal), "seg": 0, "epoch": 1, "value": 0.9, "d": "pause"}
        strategy.applied(event)
    for trial in ("0", "1", "2", "3", "4"):
        assert strategy.ask(0.0) == Resume(trial)
        strategy.applied({"e": "promote", "id": trial})
    assert strategy.surplus() == ()


def test_a_paused_trial_that_fails_is_never_promoted() -> None:
    strategy = paused([0.5, 0.3, 0.7, 0.2])
    strategy.applied({"e": "error", "id": "3", "seg": 0, "epoch": 1, "failure": "lost"})
    assert strategy.ask(0.0) == Resume("1")
    assert ("3", 0, 1) in strategy.surplus()


def test_between_rungs_nothing_is_judged() -> None:
    strategy = paused([0.5, 0.3])
    strategy.applied({"e": "promote", "id": "1"})
    strategy.applied({"e": "result", "id": "1", "seg": 0, "epoch": 2, "value": 0.1, "d": "go"})
    assert strategy.tell("1", 3, 0.9, 0.0) == GO
