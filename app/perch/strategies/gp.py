"""Bayesian optimisation by Optuna's Gaussian process, every trial trained to the last epoch."""

from __future__ import annotations

from typing import Any

from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry
from perch.strategies.scheduler import Scheduler
from perch.strategies.searchers.optuna import GaussianProcess
from perch.strategies.searchers.prefetch import Inline, Port, PrefetchSearcher, PrefetchSettings
from perch.strategies.strategy import Searcher, Strategy

PAPER = "Akiba et al., KDD 2019, https://arxiv.org/abs/1907.10902 (GPSampler: log expected improvement, Matérn 5/2)"

SEARCHER = "gp (Optuna)"
"""What the strategies that use it call it."""

DIFFERS = (
    "Optuna's GPSampler. Trials in progress count (its batch expected improvement); it is made afresh and seeded by (seed, number) "
    "for every suggestion, so an answer depends on the results alone. Conditions are honoured: a point against them is told as bad "
    "and the sampler is asked again. Failed trials are told as a finite bad value. In a run it has a process of its own, is asked "
    "ahead and never blocks the run."
)


def gp_search(plan: Plan, settings: PrefetchSettings, port: Port | None = None) -> PrefetchSearcher:
    """A searcher that asks the Gaussian process, in this thread unless a port is given."""
    rung = getattr(settings, "grace_period", None)
    return PrefetchSearcher("gp", plan, settings, port or Inline(GaussianProcess(plan.space, plan.seed)), rung=rung)


def build_gp(plan: Plan, settings: Any, searcher: Searcher | None) -> Strategy:
    """No scheduler, the Gaussian process's suggestions."""
    return Scheduler(plan, settings, searcher or gp_search(plan, settings))


STRATEGIES.register(
    "gp",
    Entry(
        name="gp",
        summary="Bayesian optimisation by Optuna's Gaussian process, every trial trained to the end",
        scheduler="none (first in, first out)",
        searcher=SEARCHER,
        paper=PAPER,
        when="As bo, without Dragonfly's environment: few, long trials on a space with one broad optimum.",
        differs=DIFFERS,
        settings=PrefetchSettings,
        build=build_gp,
    ),
)
