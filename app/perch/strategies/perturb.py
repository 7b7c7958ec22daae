"""How population based training explores: every searched value is resampled or perturbed, and stays in its range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from perch.dimension import Choice, Dimension, Int, Value
from perch.space import Space
from perch.strategies.strategy import Config

MAX_TRIES = 100
"""Perturbations that a condition may refuse before the configuration is left as it is."""


def perturb(
    space: Space,
    config: Mapping[str, Any],
    rng: np.random.Generator,
    *,
    factors: tuple[float, ...],
    resample_probability: float,
) -> Config:
    """A neighbour of ``config``: inside the space, of the same kinds, conditions honoured.

    Each searched key is drawn afresh with ``resample_probability``; else a number is multiplied by one of ``factors``,
    a whole number moves by one at least, an ordered choice moves by one place, and a word stays.
    """
    for _ in range(MAX_TRIES):
        new: Config = dict(config)
        for key, dimension in space.dimensions.items():
            if rng.random() < resample_probability:
                new[key] = dimension.from_unit(float(rng.random()))
            else:
                new[key] = _neighbour(dimension, config[key], rng, factors)
        if space.allows(new):
            return new
    return dict(config)


def _neighbour(dimension: Dimension, value: Any, rng: np.random.Generator, factors: tuple[float, ...]) -> Value:
    if isinstance(dimension, Choice):
        if not dimension.numeric:
            return dimension.values[dimension.values.index(value)]
        place = dimension.values.index(value) + (1 if rng.random() < 0.5 else -1)
        return dimension.values[min(max(place, 0), len(dimension.values) - 1)]
    factor = factors[int(rng.integers(len(factors)))]
    moved = dimension.clamp(value * factor)
    if isinstance(dimension, Int) and moved == value:
        return dimension.clamp(value + (1 if factor > 1 else -1))
    return moved
