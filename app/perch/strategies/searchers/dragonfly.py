"""Dragonfly's Gaussian process bandit as a searcher; the process that it runs in is reached through a port.

Kandasamy et al., Tuning Hyperparameters without Grad Students: Scalable and Robust Bayesian Optimisation with Dragonfly,
JMLR 21 (2020) 81, https://jmlr.org/papers/v21/18-223.html
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from perch.strategies.plan import Plan
from perch.strategies.searchers.prefetch import Port, PrefetchSearcher, PrefetchSettings

STOCK_FIRST: Final = 6
"""Stock Dragonfly draws its first six points itself."""


class DragonflySettings(PrefetchSettings):
    """Dragonfly's settings."""

    stock: bool = Field(
        False, description="Dragonfly's ask/tell as it comes: one surrogate for ever, no points in progress; to compare"
    )


def dragonfly_search(plan: Plan, settings: DragonflySettings, port: Port) -> PrefetchSearcher:
    """A searcher that asks Dragonfly through ``port``."""
    rung = getattr(settings, "grace_period", None)
    return PrefetchSearcher(
        "dragonfly", plan, settings, port, rung=rung, own_start=STOCK_FIRST if settings.stock else 0
    )
