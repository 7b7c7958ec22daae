"""ASHA with the suggestions of Optuna's Gaussian process."""

from __future__ import annotations

from typing import Any

from perch.strategies.asha import Asha, AshaSettings
from perch.strategies.gp import DIFFERS, PAPER, SEARCHER, gp_search
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry
from perch.strategies.searchers.prefetch import PrefetchSettings
from perch.strategies.strategy import Searcher, Strategy


class AshaGpSettings(AshaSettings, PrefetchSettings):
    """Settings of ASHA and of the Gaussian process."""


def build_asha_gp(plan: Plan, settings: Any, searcher: Searcher | None) -> Strategy:
    """ASHA's rungs, the Gaussian process's suggestions."""
    return Asha(plan, settings, searcher or gp_search(plan, settings))


STRATEGIES.register(
    "asha-gp",
    Entry(
        name="asha-gp",
        summary="ASHA's early stopping with Optuna's Gaussian process",
        scheduler="asynchronous successive halving, stopping form",
        searcher=SEARCHER,
        paper=f"Li et al., MLSys 2020, https://arxiv.org/abs/1810.05934; {PAPER}",
        when="As asha-bo, without Dragonfly's environment.",
        differs=DIFFERS
        + " Every trial is told with its value at one epoch, the first rung unless 'told_epoch' names another; 'told: last' tells the "
        "last value of each.",
        settings=AshaGpSettings,
        build=build_asha_gp,
    ),
)
