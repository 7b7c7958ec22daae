"""A space-filling set of configurations, all trained to the end: what ``perch record`` makes records of."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry, Settings
from perch.strategies.scheduler import Scheduler
from perch.strategies.searchers.design import Design
from perch.strategies.strategy import Event, New, Searcher, Strategy


class DesignSettings(Settings):
    """What a design can be told."""

    repeats: int = Field(1, ge=1, description="trials of each configuration, each with its own randomness")


class DesignSearch(Searcher):
    """The points of a scrambled Sobol' sequence, each ``repeats`` times in a row."""

    name = "design"
    takes_priors = False

    def __init__(self, plan: Plan, repeats: int = 1) -> None:
        self._points, self._repeats = Design(plan.space, plan.seed), repeats

    def suggest(self, ordinal: int, now_s: float) -> New:
        """Configuration number ``ordinal`` // repeats of this seed."""
        return New(self._points[ordinal // self._repeats], by=self.name)

    def applied(self, event: Event) -> None:
        """Nothing to learn."""


def build_design(plan: Plan, settings: Any, searcher: Searcher | None) -> Strategy:
    """No scheduler, the design's points."""
    return Scheduler(plan, settings, searcher or DesignSearch(plan, settings.repeats))


STRATEGIES.register(
    "design",
    Entry(
        name="design",
        summary="a space-filling set of configurations, every trial trained to the end",
        scheduler="none (first in, first out)",
        searcher="design",
        paper="Owen, J. Complexity 14 (1998) 466, https://doi.org/10.1006/jcom.1998.0487",
        when="You want to know the space before you search it: full curves, spread evenly, that other strategies can be "
        "rehearsed on. 'perch record' uses it.",
        differs="A scrambled Sobol' sequence (scipy's); points against a condition are left out. With repeats, each "
        "configuration is trained that many times, so that the noise between seeds is seen.",
        settings=DesignSettings,
        build=build_design,
    ),
)
