"""What a trial is compared by at a rung: its last value, its best, a mean of three, or its training loss.

Training losses at early epochs as a predictor of a chemical model's end: Frey et al., Nat. Mach. Intell. 5 (2023) 1297,
https://doi.org/10.1038/s42256-023-00740-3
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from perch.errors import StrategyError
from perch.vocabulary import TRAINING_LOSSES

Statistic = Literal["last", "best", "mean_of_last_3", "training_loss"]


Judge = Annotated[
    Statistic,
    Field(
        description="what trials are compared by at a rung: the metric's last value, its best so far, the mean of its last 3, or "
        "training_loss, where the trainable reports one"
    ),
]
"""The setting of every scheduler with rungs."""


class RungStatistic:
    """Works out what a rung compares from what a trial has reported. Lower is better."""

    def __init__(self, kind: Statistic = "last") -> None:
        self.kind: Statistic = kind
        self._best: dict[str, float] = {}
        self._last_two: dict[str, tuple[float, ...]] = {}

    def of(self, trial: str, value: float, training_loss: float | None) -> float:
        """The statistic of a trial that reports ``value`` now. Raises StrategyError where it needs a training loss and there is none."""
        if self.kind == "best":
            return min(value, self._best.get(trial, value))
        if self.kind == "mean_of_last_3":
            values = (*self._last_two.get(trial, ()), value)
            return sum(values) / len(values)
        if self.kind == "last":
            return value
        if training_loss is None:
            raise no_training_loss()
        return training_loss

    def applied(self, trial: str, value: float) -> None:
        """A finite value that a live trial has reported."""
        if self.kind == "best":
            self._best[trial] = min(value, self._best.get(trial, value))
        elif self.kind == "mean_of_last_3":
            self._last_two[trial] = (*self._last_two.get(trial, ()), value)[-2:]

    def ended(self, trial: str) -> None:
        """It will report nothing more."""
        self._best.pop(trial, None)
        self._last_two.pop(trial, None)


def training_loss(metrics: Mapping[str, Any]) -> float | None:
    """Of what a trainable reports, the first number under one of the known names; None where there is none."""
    for name in TRAINING_LOSSES:
        loss = metrics.get(name)
        if isinstance(loss, (int, float)) and not isinstance(loss, bool):
            return float(loss)
    return None


def no_training_loss(reported: str = "") -> StrategyError:
    """What is said where trials are to be compared by a training loss that nobody reports."""
    return StrategyError(
        "judge: training_loss, and the trainable reports none",
        why=f"it is looked for under {', '.join(TRAINING_LOSSES)}" + (f"; reported: {reported}" if reported else ""),
        fix="report it under one of these names, or use judge: last, best or mean_of_last_3",
    )
