"""Points that fill the space evenly, before anything is known: a Sobol' sequence, scrambled by the seed.

Owen, Scrambling Sobol' and Niederreiter-Xing points, J. Complexity 14 (1998) 466; the sequence is scipy's.
"""

from __future__ import annotations

from typing import Any, Final

from perch.space import MAX_REJECTIONS, Space, keyed_rng
from perch.strategies.strategy import Config

BLOCK: Final = 64
"""Points drawn at a time; a power of two keeps the sequence balanced."""


class Design:
    """An endless sequence of configurations, conditions honoured; number k depends on the seed and k alone."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._sequence: Any = None
        self._waiting: list[list[float]] = []
        self._points: list[Config] = []

    def __getitem__(self, k: int) -> Config:
        """Configuration number ``k``, from 0."""
        while len(self._points) <= k:
            self._points.append(self._next())
        return dict(self._points[k])

    def _next(self) -> Config:
        for _ in range(MAX_REJECTIONS):
            config = self._space.from_unit(dict(zip(self._space.dimensions, self._unit(), strict=True)))
            if self._space.allows(config):
                return config
        return self._space.draw(self._seed, len(self._points), "design")

    def _unit(self) -> list[float]:
        """The sequence's next point."""
        from scipy.stats import qmc  # half a second to import: only for those who use a design

        if not self._waiting:
            if self._sequence is None:
                rng = keyed_rng(self._seed, "design")
                self._sequence = qmc.Sobol(max(len(self._space.dimensions), 1), scramble=True, seed=rng)
            drawn = self._sequence.random(BLOCK)
            self._waiting = [point[: len(self._space.dimensions)] for point in drawn.tolist()[::-1]]
        return self._waiting.pop()
