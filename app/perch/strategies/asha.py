"""ASHA in its stopping form: at each rung a trial that is not among the best 1/η of those before it ends.

Li et al., A System for Massively Parallel Hyperparameter Tuning (MLSys 2020), https://arxiv.org/abs/1810.05934
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from perch.errors import StrategyError
from perch.strategies.judged import Judge
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry, Settings
from perch.strategies.rungs import Rung, ladder
from perch.strategies.scheduler import Scheduler
from perch.strategies.strategy import GO, Decision, Event, Searcher


class AshaSettings(Settings):
    """ASHA's settings."""

    grace_period: int = Field(
        1, ge=1, description="epochs that every trial trains before it can be stopped: first rung"
    )
    reduction_factor: int = Field(3, ge=2, description="η: one in η goes on at a rung; the next rung is η times as far")
    judge: Judge = "last"


def check_grace_period(grace_period: int, epochs: int) -> None:
    """Raise StrategyError when no trial could be stopped before its end."""
    if grace_period > epochs:
        raise StrategyError(
            f"grace_period is {grace_period}, above the {epochs} epochs of a trial",
            why="no trial could be stopped before its end",
            fix=f"set grace_period to {epochs} at most, or raise epochs",
        )


class Asha(Scheduler):
    """Stops at rungs. A subclass may spread the trials over several brackets."""

    def __init__(
        self, plan: Plan, settings: Any = None, searcher: Searcher | None = None, *, brackets: int = 1
    ) -> None:
        super().__init__(plan, AshaSettings() if settings is None else settings, searcher)
        grace, eta = self.settings.grace_period, self.settings.reduction_factor
        check_grace_period(grace, plan.epochs)
        self.keep = 1 / eta
        self.brackets = [[Rung(e) for e in ladder(grace, plan.epochs, eta, b)] for b in range(brackets)]
        self._bracket: dict[str, int] = {}
        self._passed: dict[str, int] = {}

    def judge(self, trial: str, epoch: int, value: float) -> Decision:
        """Compare with the rung that this epoch reaches, if it reaches one."""
        rung = self._reached(trial, epoch)
        return GO if rung is None else rung.judge(value, self.keep)

    def on_start(self, trial: str, event: Event) -> None:
        """Keep the bracket that was logged: it is never drawn anew."""
        self._bracket[trial] = event.get("bracket", 0)
        self._passed[trial] = 0

    def on_result(self, trial: str, event: Event) -> None:
        """Enter the value into the rung that its epoch reaches."""
        rung = self._reached(trial, event["epoch"])
        if rung is not None:
            rung.add(event["value"])
            self._passed[trial] = self.brackets[self._bracket[trial]].index(rung) + 1

    def on_end(self, trial: str) -> None:
        """Its values stay in the rungs."""
        del self._bracket[trial], self._passed[trial]

    def _reached(self, trial: str, epoch: int) -> Rung | None:
        """The highest rung at or below ``epoch`` that the trial has not entered (reports may skip epochs)."""
        rungs, passed = self.brackets[self._bracket[trial]], self._passed[trial]
        if passed == len(rungs) or epoch < rungs[passed].epoch:
            return None
        return next(rung for rung in reversed(rungs) if rung.epoch <= epoch)


STRATEGIES.register(
    "asha",
    Entry(
        name="asha",
        summary="stops the worse part of the trials early, at rungs; never waits",
        scheduler="asynchronous successive halving, stopping form",
        searcher="random",
        paper="Li et al., MLSys 2020, https://arxiv.org/abs/1810.05934",
        when="Start here. It trains many more configurations than random search in the same time. Not for trials whose "
        "early results mislead, or that last only a few epochs.",
        differs="The paper pauses trials at a rung and promotes the best of them later (that is asha-promote); this form, "
        "like Ray's, decides at once and only stops, so the first arrivals at a rung always pass. Decisions equal those of "
        "Ray's ASHAScheduler, but a value that is no number never enters a rung, rungs are made by integer multiplication, "
        "and a result costs O(log n) instead of O(n).",
        settings=AshaSettings,
        build=Asha,
    ),
)
