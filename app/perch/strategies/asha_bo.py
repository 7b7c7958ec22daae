"""ASHA with Dragonfly's suggestions: the source study's ASHA/BO."""

from __future__ import annotations

from typing import Any

from perch.strategies.asha import Asha, AshaSettings
from perch.strategies.bo import DIFFERS, PAPER, needs_searcher
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry
from perch.strategies.searchers.dragonfly import DragonflySettings
from perch.strategies.strategy import Searcher, Strategy


class AshaBoSettings(AshaSettings, DragonflySettings):
    """Settings of ASHA and of Dragonfly."""


def build_asha_bo(plan: Plan, settings: Any, searcher: Searcher | None) -> Strategy:
    """ASHA's rungs, Dragonfly's suggestions."""
    return Asha(plan, settings, needs_searcher(searcher))


STRATEGIES.register(
    "asha-bo",
    Entry(
        name="asha-bo",
        summary="ASHA's early stopping with Bayesian optimisation by Dragonfly",
        scheduler="asynchronous successive halving, stopping form",
        searcher="dragonfly",
        paper=f"Li et al., MLSys 2020, https://arxiv.org/abs/1810.05934; {PAPER}",
        when="The space is large, one global optimum is likely, and a few hundred trials are affordable. The surrogate needs "
        "data first, so its curve starts like random search's.",
        differs=DIFFERS
        + " Every trial is told with its value at one epoch, the first rung unless 'told_epoch' names another, so that trials of 1 "
        "and of 81 epochs compare; 'told: last' tells the last value of each.",
        settings=AshaBoSettings,
        build=build_asha_bo,
    ),
)
