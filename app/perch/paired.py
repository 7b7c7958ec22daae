"""How much one configuration is better than another, paired over the seeds that both were trained with.

Values follow ``configuration + seed + noise``: what a seed does to all configurations alike cancels in their difference.
The noise is estimated from all configurations together, by least squares (Montgomery, Design and Analysis of
Experiments, chapter 4: the randomised block design, blocks being seeds).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

LEVEL: Final = 0.95
"""Of intervals, and of the one-sided test by which a configuration counts as beaten."""

TINY: Final = 1e-12
"""What rounding makes of no difference at all."""

Values = Mapping[str, Mapping[int, float]]
"""Configuration → number of the seed → value (lower is better)."""


@dataclass(frozen=True)
class Difference:
    """``mean``: of the second minus the first, above zero where the first is better (lower). ``seeds``: trainings paired.

    ``error``: its standard error, and ``freedom``: degrees of freedom of that; None and 0 where nothing is repeated.
    """

    mean: float
    error: float | None
    freedom: int
    seeds: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval; None where nothing is repeated."""
        if self.error is None:
            return None
        half = quantile(0.5 + LEVEL / 2, self.freedom) * self.error
        return self.mean - half, self.mean + half

    @property
    def clear(self) -> bool:
        """True when the first is better by more than chance explains: one-sided, at ``LEVEL``."""
        return self.error is not None and self.mean > max(quantile(LEVEL, self.freedom) * self.error, TINY)


def difference(values: Values, first: str, second: str) -> Difference | None:
    """How much better ``first`` is than ``second``; None where no seed is common to both."""
    ours, theirs = values.get(first, {}), values.get(second, {})
    common = len(ours.keys() & theirs.keys())
    if not common:
        return None
    import numpy as np

    names = [name for name in values if values[name]]
    seeds = sorted({seed for name in names for seed in values[name]})
    rows: list[list[float]] = []
    observed: list[float] = []
    for name in names:
        for seed, value in values[name].items():
            # seed 0 of the list is the reference level, else configurations and seeds would not be distinguished
            rows.append([float(n == name) for n in names] + [float(s == seed) for s in seeds[1:]])
            observed.append(value)
    design, y = np.array(rows), np.array(observed)
    inverse = np.linalg.pinv(design)
    wanted = np.zeros(design.shape[1])
    wanted[names.index(second)], wanted[names.index(first)] = 1.0, -1.0
    estimate = float(wanted @ inverse @ y)
    freedom = len(y) - int(np.linalg.matrix_rank(design))
    if freedom < 1:
        return Difference(estimate, None, 0, common)
    residual = y - design @ inverse @ y
    noise = float(residual @ residual) / freedom
    size = float(wanted @ inverse @ inverse.T @ wanted)
    return Difference(estimate, math.sqrt(noise * size), freedom, common)


def against_constant(values: Sequence[float], constant: float) -> Difference:
    """How much lower the mean of some trainings is than a number without chance (a baseline)."""
    mean = constant - math.fsum(values) / len(values)
    if len(values) < 2:
        return Difference(mean, None, 0, len(values))
    average = math.fsum(values) / len(values)
    variance = math.fsum((v - average) ** 2 for v in values) / (len(values) - 1)
    return Difference(mean, math.sqrt(variance / len(values)), len(values) - 1, len(values))


def quantile(share: float, freedom: int) -> float:
    """Of Student's t distribution."""
    from scipy.special import stdtrit

    found: Any = stdtrit(freedom, share)
    return float(found)
