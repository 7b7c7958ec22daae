"""ASHA with TPE's suggestions."""

from __future__ import annotations

from typing import Any

from perch.strategies.asha import Asha, AshaSettings
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry
from perch.strategies.searchers.optuna import TpeSearch
from perch.strategies.strategy import Searcher, Strategy
from perch.strategies.tpe import DIFFERS, PAPER, TpeSettings


class AshaTpeSettings(AshaSettings, TpeSettings):
    """Settings of ASHA and of TPE."""


def build_asha_tpe(plan: Plan, settings: Any, searcher: Searcher | None) -> Strategy:
    """ASHA's rungs, TPE's suggestions."""
    return Asha(plan, settings, searcher or TpeSearch(plan, settings.initial))


STRATEGIES.register(
    "asha-tpe",
    Entry(
        name="asha-tpe",
        summary="ASHA's early stopping with a tree-structured Parzen estimator",
        scheduler="asynchronous successive halving, stopping form",
        searcher="tpe (Optuna)",
        paper=f"Li et al., MLSys 2020, https://arxiv.org/abs/1810.05934; {PAPER}",
        when="Hundreds to thousands of trials that can be stopped early, on a mixed space.",
        differs=DIFFERS
        + " A stopped trial is told as PRUNED with its value at every epoch, and TPE ranks by depth, then value; "
        "Ray's OptunaSearch tells it as complete with its last value, which mixes epochs 1 and 81.",
        settings=AshaTpeSettings,
        build=build_asha_tpe,
    ),
)
