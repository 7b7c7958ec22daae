"""How many trials share a GPU (``resources: {gpus: auto}``): as many as fit, and no more than pay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from perch.formatting import gigabytes
from perch.memory.fitting import DRAWN, Sized
from perch.space import Space

COUNTS: Final = (1, 2, 4, 8)
"""Trials side by side that are considered."""
WORTH: Final = 0.95
"""Of the largest throughput: fewer trials that reach so much of it are preferred, since each of them is faster."""


@dataclass(frozen=True)
class Packing:
    """``trials`` share a GPU. ``largest_bytes``: what the most demanding of those that fit the whole GPU takes.

    ``throughput``: epochs a second of 1, 2, 4, 8 trials side by side, relative to one; empty where it was not measured.
    """

    trials: int
    largest_bytes: float
    gpu_bytes: float
    throughput: Mapping[int, float]
    device: str = ""

    @property
    def share(self) -> float:
        """Of a GPU, for each trial."""
        return 1 / self.trials

    @property
    def words(self) -> str:
        """For people."""
        why = f"the largest takes {gigabytes(self.largest_bytes)} of {gigabytes(self.gpu_bytes)}"
        if self.throughput:
            speeds = ", ".join(f"{count}: {speed:.1f}" for count, speed in sorted(self.throughput.items()))
            why += f"; side by side on {self.device} they train so many times as fast as one ({speeds})"
        else:
            why += "; how fast they are side by side has not been measured"
        return f"{self.trials} trial{'s' * (self.trials > 1)} to a GPU: {why}"


def packing(
    space: Space, sized: Sized, gpu_bytes: float, throughput: Mapping[int, float] | None = None, device: str = ""
) -> Packing:
    """Every configuration that fits the whole GPU fits its share, too. Without ``throughput`` memory alone decides."""
    drawn = [sized.bytes(space.draw(0, k, "fits")) for k in range(DRAWN)]
    largest = max((size for size in drawn if size <= gpu_bytes), default=math.inf)
    fitting = [count for count in COUNTS if count == 1 or count * largest <= gpu_bytes]
    known = {count: throughput[count] for count in fitting if throughput and count in throughput}
    if not known:
        return Packing(fitting[-1], largest, gpu_bytes, {}, device)
    most = max(known.values())
    chosen = min(count for count, speed in known.items() if speed >= WORTH * most)
    one = (throughput or {}).get(1, most)
    return Packing(
        chosen, largest, gpu_bytes, {count: speed / one for count, speed in (throughput or {}).items()}, device
    )
