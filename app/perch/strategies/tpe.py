"""Tree-structured Parzen estimator (Optuna), every trial trained to the last epoch."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry, Settings
from perch.strategies.scheduler import Scheduler
from perch.strategies.searchers.optuna import TpeSearch
from perch.strategies.strategy import Searcher, Strategy

PAPER = "Watanabe (2023), https://arxiv.org/abs/2304.11127; Akiba et al., KDD 2019, https://arxiv.org/abs/1907.10902"

DIFFERS = (
    "Optuna's TPESampler, multivariate, with the constant liar for trials in progress. It is seeded by (seed, number) for every "
    "suggestion, so a run that was killed goes on with the suggestions it would have had. The first points come from a "
    "space-filling design; conditions are honoured by drawing again; a failed trial is told as the worst of all, where Optuna "
    "would forget it."
)


class TpeSettings(Settings):
    """TPE's settings."""

    initial: int | None = Field(
        None,
        ge=3,
        description="points of a space-filling design before the sampler; default 2 (dimensions + 1), 8 at least",
    )


def build_tpe(plan: Plan, settings: Any, searcher: Searcher | None) -> Strategy:
    """No scheduler, TPE's suggestions."""
    return Scheduler(plan, settings, searcher or TpeSearch(plan, settings.initial))


STRATEGIES.register(
    "tpe",
    Entry(
        name="tpe",
        summary="tree-structured Parzen estimator, every trial trained to the end",
        scheduler="none (first in, first out)",
        searcher="tpe (Optuna)",
        paper=PAPER,
        when="A mixed space, hundreds of trials, and no wish to wait for a Gaussian process: a suggestion costs milliseconds.",
        differs=DIFFERS,
        settings=TpeSettings,
        build=build_tpe,
    ),
)
