"""Grid search: every combination of a small, discrete space, each trained to the end."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from pydantic import Field

from perch.dimension import Choice, Dimension, Float, Value
from perch.errors import StrategyError
from perch.space import Space
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry, Settings
from perch.strategies.scheduler import Scheduler
from perch.strategies.strategy import Config, Event, New, Searcher

MAX_COMBINATIONS = 100_000
"""Combinations that are counted one by one where conditions drop some of them."""


class GridSettings(Settings):
    """Grid search's settings."""

    max_size: int = Field(1000, ge=1, description="the largest grid that is accepted")


class GridSearch(Searcher):
    """All combinations that the conditions allow, the last key changing fastest."""

    name = "grid"
    takes_priors = False

    def __init__(self, space: Space, max_size: int) -> None:
        self.configs = _combinations(space, max_size)

    def suggest(self, ordinal: int, now_s: float) -> New | None:
        """Combination number ``ordinal``; None beyond the last."""
        return New(dict(self.configs[ordinal]), by="grid") if ordinal < len(self.configs) else None

    def applied(self, event: Event) -> None:
        """Nothing to learn."""


class Grid(Scheduler):
    """Ends with the grid, or with the budget if that is smaller."""

    def __init__(self, plan: Plan, settings: Any = None, searcher: Searcher | None = None) -> None:
        settings = GridSettings() if settings is None else settings
        grid = GridSearch(plan.space, settings.max_size)
        super().__init__(plan, settings, grid if searcher is None else searcher)
        self.size = len(grid.configs)
        whole = len(plan.points) + self.size
        self.on_budget(plan.trials)
        allowed = whole if plan.trials is None else min(whole, plan.trials)
        note = "" if allowed == whole else f", of which the budget allows {allowed - len(plan.points):,}"
        self.notices = (f"the grid has {self.size:,} configurations{note}",)

    def on_budget(self, trials: int | None) -> None:
        """The grid, or the budget if that is smaller."""
        whole = len(self.plan.points) + self.size
        self.trials = whole if trials is None else min(whole, trials)

    @property
    def counted(self) -> int:
        """All that it may begin, once there is nothing beyond the grid."""
        at_end = self.trials is not None and self.own >= len(self.plan.points) + self.size
        return self.trials if at_end and self.trials is not None else super().counted


def _combinations(space: Space, max_size: int) -> list[Config]:
    axes = {key: _axis(key, dimension) for key, dimension in space.dimensions.items()}
    size = math.prod(map(len, axes.values()))
    if size <= (MAX_COMBINATIONS if space.where else max_size):
        points = (dict(zip(axes, values, strict=True)) for values in product(*axes.values()))
        configs = [c for c in ({**p, **space.fixed} for p in points) if space.allows(c)]
        size = len(configs)
        if not configs:
            raise StrategyError(
                "the grid is empty",
                why=f"no combination satisfies: {'; '.join(space.where)}",
                fix="widen the ranges or loosen 'where'",
            )
        if size <= max_size:
            return configs
    sizes = " × ".join(f"{key} {len(axis):,}" for key, axis in axes.items())
    raise StrategyError(
        f"the grid has {size:,} configurations, above the limit of {max_size:,}",
        why=f"values of each key: {sizes}",
        fix="write shorter choices, raise max_size, or use asha",
    )


def _axis(key: str, dimension: Dimension) -> range | tuple[Value, ...]:
    if isinstance(dimension, Float):
        raise StrategyError(
            f"grid search cannot cover space.{key}",
            why=f"{dimension.spec()} holds infinitely many values",
            fix=f"write the values to try, such as '{key}: {{choice: [{dimension.low:g}, {dimension.high:g}]}}'",
        )
    return dimension.values if isinstance(dimension, Choice) else range(dimension.low, dimension.high + 1)


STRATEGIES.register(
    "grid",
    Entry(
        name="grid",
        summary="every combination of a small, discrete space, each trained to the end",
        scheduler="none (first in, first out)",
        searcher="grid",
        paper="none; compared with random search by Bergstra & Bengio, https://jmlr.org/papers/v13/bergstra12a.html",
        when="Tiny spaces only, a few dozen combinations, where you want to see every cell.",
        differs="As Ray's grid_search, but the size is known and limited beforehand, and conditions are honoured.",
        settings=GridSettings,
        build=Grid,
    ),
)
