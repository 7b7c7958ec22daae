"""Bayesian optimisation by Dragonfly, every trial trained to the last epoch."""

from __future__ import annotations

from typing import Any

from perch.errors import StrategyError
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry
from perch.strategies.scheduler import Scheduler
from perch.strategies.searchers.dragonfly import DragonflySettings
from perch.strategies.strategy import Searcher, Strategy

PAPER = "Kandasamy et al., JMLR 21 (2020) 81, https://jmlr.org/papers/v21/18-223.html"

DIFFERS = (
    "The real dragonfly-opt 0.1.7 on the mixed domain. In ask/tell mode it builds its surrogate once and never again, "
    "ignores trials in progress and leaves its step counter at zero; here the surrogate is rebuilt every 17 results, trials in "
    "progress count and the step advances ('stock: true' leaves all that as it is). Fewer samples of the kernel parameters are "
    "drawn, and the acquisition is maximised a generation at a time, which makes a suggestion cost tenths of a second. It runs in a "
    "process of its own, is asked ahead and never blocks the run; failed trials are told as a finite bad value."
)


def needs_searcher(searcher: Searcher | None) -> Searcher:
    """The searcher that was made by whoever runs the process. Raises StrategyError without one."""
    if searcher is None:
        raise StrategyError(
            "Dragonfly needs a process to run in",
            why="a strategy starts none itself",
            fix="pass the searcher that perch.suggesting.dragonfly.searcher(spec, plan) makes to build(spec, plan, searcher)",
        )
    return searcher


def build_bo(plan: Plan, settings: Any, searcher: Searcher | None) -> Strategy:
    """No scheduler, Dragonfly's suggestions."""
    return Scheduler(plan, settings, needs_searcher(searcher))


STRATEGIES.register(
    "bo",
    Entry(
        name="bo",
        summary="Bayesian optimisation by Dragonfly, every trial trained to the end",
        scheduler="none (first in, first out)",
        searcher="dragonfly",
        paper=PAPER,
        when="Few, long trials on a space with one broad optimum. On an egg-carton surface, or with many more workers than "
        "tens of trials, random search is as good.",
        differs=DIFFERS,
        settings=DragonflySettings,
        build=build_bo,
    ),
)
