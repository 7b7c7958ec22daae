"""Where the worker seconds of one stretch of a trial went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Spent:
    """Worker seconds of one placement by activity; what is left of its time is idle."""

    began_s: float
    last_s: float = 0.0
    starting_s: float = 0.0
    training_s: float = 0.0
    evaluating_s: float = 0.0
    checkpointing_s: float = 0.0

    def epoch(self, now_s: float, metrics: Mapping[str, Any]) -> None:
        """Account for an epoch that has been reported now."""
        whole = float(metrics.get("epoch_s") or metrics.get("time_this_iter_s") or 0.0)
        evaluating = float(metrics.get("evaluating_s") or 0.0)
        if self.last_s == 0.0:
            self.starting_s = max(now_s - self.began_s - whole, 0.0)
        self.training_s += max(whole - evaluating, 0.0)
        self.evaluating_s += evaluating
        self.last_s = now_s

    def seconds(self) -> dict[str, float]:
        """The four figures, rounded, as an event holds them."""
        return {
            "starting_s": round(self.starting_s, 4),
            "training_s": round(self.training_s, 4),
            "evaluating_s": round(self.evaluating_s, 4),
            "checkpointing_s": round(self.checkpointing_s, 4),
        }
