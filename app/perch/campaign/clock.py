"""Consumed seconds of a run, on the machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class WallClock:
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

    def cpu_s(self) -> float:
        """Seconds on a fine clock, for measuring how long an answer takes."""
        return time.perf_counter()

    def ask_s(self, measured_s: float) -> float:
        """As measured."""
        return measured_s
