"""Points that fill the space evenly, before anything is known: an additive recurrence, shifted by the seed.

Point k is (shift + k α) mod 1 with α_j = φ^-j and φ the positive root of φ^(d+1) = φ + 1 (M. Roberts, "The unreasonable
effectiveness of quasirandom sequences", 2018, https://extremelearning.com.au/unreasonable-effectiveness-of-quasirandom-sequences/).
"""

from __future__ import annotations

from itertools import count

from perch.space import MAX_REJECTIONS, Space, keyed_uniforms
from perch.strategies.strategy import Config


class Design:
    """An endless sequence of configurations, conditions honoured; number k depends on the seed and k alone."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        root = _root(len(space.dimensions))
        self._step = [root ** -(j + 1) for j in range(len(space.dimensions))]
        draws = keyed_uniforms(seed, "design")
        self._shift = [next(draws) for _ in self._step]
        self._seed = seed
        self._points: list[Config] = []
        self._numbers = count()

    def __getitem__(self, k: int) -> Config:
        """Configuration number ``k``, from 0."""
        while len(self._points) <= k:
            self._points.append(self._next())
        return dict(self._points[k])

    def _next(self) -> Config:
        for _ in range(MAX_REJECTIONS):
            n = next(self._numbers)
            unit = ((s + n * a) % 1.0 for s, a in zip(self._shift, self._step, strict=True))
            config = self._space.from_unit(dict(zip(self._space.dimensions, unit, strict=True)))
            if self._space.allows(config):
                return config
        return self._space.draw(self._seed, len(self._points), "design")


def _root(dimensions: int) -> float:
    """The positive root of x^(d+1) = x + 1 (the golden ratio for d = 1)."""
    x = 2.0
    for _ in range(60):
        x = (1.0 + x) ** (1.0 / (dimensions + 1))
    return x
