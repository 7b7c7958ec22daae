"""Which hyperparameters matter: PED-ANOVA at one fixed epoch, on randomly sampled configurations, with intervals.

Watanabe, Bansal, Hutter, PED-ANOVA (2023), https://arxiv.org/abs/2304.10255: the Pearson divergence between the density of
a hyperparameter among the best configurations and its density among all. Densities are those of Optuna's implementation:
a grid of at most 50 cells, kernels by Scott's rule, one configuration's weight of prior. A fixed epoch: values after 1 and
after 81 epochs do not mix. Random configurations: a searcher crowds its trials where it hopes for the best, and an early
stopper lets only good ones reach a later epoch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from perch.dimension import Choice, Dimension, Int
from perch.space import Space, keyed_rng

FEWEST: Final = 30
"""Configurations below which nothing is said."""

RESAMPLES: Final = 60
QUANTILE: Final = 0.25
"""What makes a configuration good: belonging to the best quarter."""

STEPS: Final = 50
"""Cells of a grid, at most."""

LEAST_WIDTH: Final = 0.5 / 1.64
"""Least width of a kernel, in cells: 90 % of it then lies in one cell."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Importance:
    """Share of what decides between the best quarter and the rest; low and high: 95 % interval over configurations."""

    key: str
    share: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def importances(
    space: Space, configs: Sequence[Mapping[str, Any]], values: Sequence[float], seed: int = 0
) -> list[Importance]:
    """Importance of every searched key, the largest first; empty with too few configurations. Lower values are better."""
    if len(configs) < FEWEST or not space.dimensions:
        return []
    rng = keyed_rng(seed, "importance")
    cells = {key: _cells(d, [config[key] for config in configs]) for key, d in space.dimensions.items()}
    everyone = np.arange(len(configs))
    draws = [everyone, *(rng.integers(0, len(configs), len(configs)) for _ in range(RESAMPLES))]
    found = np.array([_shares(space, cells, np.asarray(values, dtype=float), rows) for rows in draws])
    low, high = np.quantile(found[1:], [0.025, 0.975], axis=0)
    out = [Importance(key, float(found[0, i]), float(low[i]), float(high[i])) for i, key in enumerate(space.dimensions)]
    return sorted(out, key=lambda one: -one.share)


def _shares(space: Space, cells: Mapping[str, tuple[Any, int]], values: Array, rows: Any) -> list[float]:
    chosen = values[rows]
    last = math.ceil(QUANTILE * len(chosen)) - 1
    good = rows[chosen <= np.partition(chosen, last)[last]]
    raw = [
        _divergence(isinstance(dimension, Choice), at[good], at[rows], size)
        for dimension, (at, size) in zip(space.dimensions.values(), cells.values(), strict=True)
    ]
    total = sum(raw) or 1.0
    return [one / total for one in raw]


def _divergence(by_kind: bool, good: Any, everyone: Any, size: int) -> float:
    """Pearson divergence of the density of the good from that of everyone, over the cells of one hyperparameter."""
    if size < 2 or len(good) == len(everyone):
        return 0.0
    density = _frequencies if by_kind else _smoothed
    top, whole = (density(np.bincount(at, minlength=size)) + 1e-12 for at in (good, everyone))
    return float(whole @ ((top / whole - 1) ** 2))


def _frequencies(counts: Any) -> Array:
    """Density over the values of a choice: each value that occurs is a kernel, which the prior flattens a little."""
    seen = np.flatnonzero(counts)
    kernels = np.full((len(seen) + 1, len(counts)), 1.0 / (len(seen) + 1))
    kernels[np.arange(len(seen)), seen] += 1
    return _mixed(counts[seen], kernels)


def _smoothed(counts: Any) -> Array:
    """Density over cells of a number line: normal kernels cut at the ends, as wide as Scott's rule says."""
    from scipy.special import ndtr

    seen, grid, last = np.flatnonzero(counts), np.arange(len(counts)), len(counts) - 1
    weights = counts[seen]
    total, running = weights.sum(), np.cumsum(weights)
    deviation = math.sqrt((seen - seen @ weights / total) ** 2 @ weights / max(1, total - 1))
    third = min(len(seen) - 1, int(np.searchsorted(running, total * 3 // 4, side="right")))
    spread = seen[third] - seen[int(np.searchsorted(running, total // 4, side="left"))]
    width = max(1.059 * min(spread / 1.34, deviation) * total**-0.2, LEAST_WIDTH)
    centre = np.append(seen, last / 2)[:, None]
    scale = np.append(np.full(len(seen), width), last + 1.0)[:, None]
    mass = ndtr((grid + 0.5 - centre) / scale) - ndtr((grid - 0.5 - centre) / scale)
    inside = ndtr((last + 0.5 - centre) / scale) - ndtr((-0.5 - centre) / scale)
    return _mixed(weights, mass / inside)


def _mixed(weights: Any, kernels: Array) -> Array:
    """Kernels weighted by what was counted, the last one by one configuration."""
    shares = np.append(weights, 1.0)
    density = (shares / shares.sum()) @ (kernels / kernels.sum(axis=1, keepdims=True))
    return np.asarray(density)


def _cells(dimension: Dimension, values: Sequence[Any]) -> tuple[Any, int]:
    """The cell of each value on the hyperparameter's grid, and how many cells there are."""
    if isinstance(dimension, Choice):
        return np.array([dimension.values.index(v) for v in values]), len(dimension.values)
    low, high = float(dimension.low), float(dimension.high)
    size = STEPS
    if isinstance(dimension, Int):
        whole = math.ceil(math.log2(high - low + 1)) + 1 if dimension.log else round(high - low) + 1
        size = min(STEPS, whole)
    if dimension.log:
        low, high = math.log(low), math.log(high)
    at = np.log(np.asarray(values, dtype=float)) if dimension.log else np.asarray(values, dtype=float)
    if size < 2:
        return np.zeros(len(values), dtype=int), 1
    nearest = np.ceil((at - low) / ((high - low) / (size - 1)) - 0.5).astype(int)
    return np.clip(nearest, 0, size - 1), size
