"""Was early stopping safe? How well the order of trials at a rung foretells their order at the last epoch.

Only full curves can say: trials that survived a rung were chosen for their values there, and among them the correlation
comes out far too high or too low. Random search trains all to the end; ``perch audit`` trains a random sample of stopped
trials to the end and gives each the weight of those it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perch.space import keyed_rng

Array = NDArray[np.float64]

FEWEST: Final = 8
"""Full curves below which no correlation is given."""

RESAMPLES: Final = 1000


@dataclass(frozen=True)
class RungCorrelation:
    """Spearman's rank correlation of values at ``rung`` with those at the last epoch, and its 95 % interval."""

    rung: int
    correlation: float
    low: float
    high: float
    curves: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def full_curves(curves: pd.DataFrame, column: str, epochs: int) -> pd.DataFrame:
    """Values by trial (rows) and epoch (columns), of trials that reached the last epoch in their first segment."""
    kept = curves[curves["segment"] == 0]
    table = kept.pivot_table(index="trial_id", columns="epoch", values=column, aggfunc="first")
    return table.loc[table[epochs].notna()] if epochs in table else table.iloc[:0]


def rung_correlations(
    values: pd.DataFrame,
    rungs: Sequence[int],
    weights: Array | None = None,
    strata: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> list[RungCorrelation]:
    """One per rung before the last epoch. ``weights``: trials that each row stands for; resampled within ``strata``."""
    if len(values) < FEWEST:
        return []
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    groups = np.zeros(len(values), dtype=np.int64) if strata is None else np.asarray(strata)
    rng = keyed_rng(seed, "rung-correlation")
    final = max(int(c) for c in values.columns)
    last = values[final].to_numpy(dtype=float)
    samples = [_resample(groups, rng) for _ in range(RESAMPLES)]
    out = []
    for rung in rungs:
        if rung not in values or rung >= final:
            continue
        here = values[rung].to_numpy(dtype=float)
        draws = [weighted_spearman(here[s], last[s], weight[s]) for s in samples]
        low, high = np.nanquantile(draws, [0.025, 0.975])
        out.append(RungCorrelation(rung, weighted_spearman(here, last, weight), float(low), float(high), len(values)))
    return out


def weighted_spearman(x: Array, y: Array, weights: Array) -> float:
    """Pearson's correlation of weighted ranks; ties share their middle rank. NaN when one side is constant."""
    a, b = _ranks(x, weights), _ranks(y, weights)
    a, b = a - np.average(a, weights=weights), b - np.average(b, weights=weights)
    scale = np.sqrt(np.sum(weights * a * a) * np.sum(weights * b * b))
    return float(np.sum(weights * a * b) / scale) if scale > 0 else float("nan")


def _ranks(values: Array, weights: Array) -> Array:
    distinct, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weights=weights, minlength=len(distinct))
    return np.asarray((np.cumsum(mass) - mass / 2)[place])


def _resample(groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows drawn with replacement within each group."""
    parts = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    return np.concatenate([rng.choice(p, len(p)) for p in parts])
