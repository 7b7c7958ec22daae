"""What a strategy is built for: the space, the budget and what is known before the first trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perch.errors import StrategyError
from perch.space import Space
from perch.strategies.strategy import Config


@dataclass(frozen=True, slots=True)
class Past:
    """A trial of an earlier run, for a searcher to learn from: its configuration and its (epoch, value) pairs.

    ``failed``: it ended by a failure or diverged, whatever it had reported before.
    """

    config: Mapping[str, Any]
    curve: tuple[tuple[int, float], ...]
    failed: bool = False


@dataclass(frozen=True)
class Plan:
    """One run as its strategy sees it.

    ``trials``: how many trials the budget allows, None: until its time is up.  ``points``: configurations to evaluate
    first.  ``workers``: how many trials train at once (a larger or smaller cluster may resume the run).
    """

    space: Space
    epochs: int
    trials: int | None = None
    seed: int = 0
    points: tuple[Config, ...] = ()
    history: tuple[Past, ...] = ()
    workers: int = 1
    can_checkpoint: bool = True
    """False where the study forbids checkpoints, or the trainable cannot both save and load."""
    algorithm_keys: tuple[str, ...] | None = None
    """Hyperparameters of the training algorithm, which may change during training; None: any may (foreign trainables)."""
    architecture_keys: tuple[str, ...] = ()
    """Hyperparameters that shape the weights, or the data set, and so cannot change during training."""


def check_points(plan: Plan) -> None:
    """Raise StrategyError for a configuration to evaluate first that lies outside the space."""
    for number, point in enumerate(plan.points):
        for problem in plan.space.problems(point):
            raise StrategyError(
                f"points[{number}] lies outside the search space",
                why=problem,
                fix="correct the point, or widen the space",
            )
