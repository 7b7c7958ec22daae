"""Consumed seconds of a run, and where those of a stint went."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Clock:
    """Consumed seconds: those of earlier attempts, then this attempt's; interruptions are left out."""

    base_s: float = 0.0
    read: Callable[[], float] = time.monotonic
    origin_s: float | None = None

    def start(self, base_s: float, origin_s: float | None = None) -> None:
        """Go on from ``base_s``; ``origin_s`` is when this attempt began, on the clock that is read."""
        self.base_s = base_s
        self.origin_s = self.read() if origin_s is None else origin_s

    def now_s(self) -> float:
        """Consumed seconds now."""
        return self.base_s + (self.read() - self.origin_s if self.origin_s is not None else 0.0)


@dataclass
class Spent:
    """Worker seconds of one stint by activity; what is left of its time is idle."""

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
        names = ("starting_s", "training_s", "evaluating_s", "checkpointing_s")
        return {name: round(getattr(self, name), 4) for name in names}
