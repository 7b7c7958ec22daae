"""Targets and the times at which runs reach them, for a sample of blocks and for every resample of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from perch.compare.statistics.incumbent import Incumbent

Array = NDArray[np.float64]
Index = NDArray[np.int64]

TARGET_SHARES: Final = (0.25, 0.5, 1.0)
"""Targets fixed beforehand: the median incumbent of the reference strategy at these shares of the budget."""

RESAMPLES: Final = 2000
"""Bootstrap resamples of blocks."""

ALL_BLOCKS: Final = 0
"""The first row of a table of resamples is the sample itself."""


@dataclass(frozen=True)
class Blocks:
    """Incumbents of every strategy in every block: ``runs[strategy][b]`` is block b's; all run for ``budget_s``."""

    runs: Mapping[str, Sequence[Incumbent]]
    budget_s: float
    reference: str = "rs"

    @property
    def n(self) -> int:
        """Number of blocks."""
        return len(self.runs[self.reference])

    @property
    def others(self) -> list[str]:
        """Strategies compared with the reference."""
        return [name for name in self.runs if name != self.reference]

    def first(self, n: int) -> Blocks:
        """The first n blocks alone: what a look at n blocks may see."""
        return Blocks({name: list(runs)[:n] for name, runs in self.runs.items()}, self.budget_s, self.reference)


def reference_targets(blocks: Blocks, rows: Index, shares: Sequence[float] = TARGET_SHARES) -> Array:
    """Median incumbent of the reference at shares of the budget, within each row of block indices. (R, J).

    A median that falls where half of the runs had reported nothing is infinite: that target is no target.
    """
    times = blocks.budget_s * np.asarray(shares, dtype=float)
    values = np.stack([run.at(times) for run in blocks.runs[blocks.reference]])  # (n, J)
    ordered = np.sort(values[rows], axis=1)
    middle = rows.shape[1] // 2
    if rows.shape[1] % 2:
        return np.asarray(ordered[:, middle])
    return np.asarray((ordered[:, middle - 1] + ordered[:, middle]) / 2)


def hit_times(runs: Sequence[Incumbent], targets: Array, rows: Index, budget_s: float) -> Array:
    """Seconds to each target, infinite when missed within the budget. targets (R, J), rows (R, n) -> (R, n, J)."""
    distinct, where = np.unique(targets, return_inverse=True)
    table = np.stack([run.first_s(distinct) for run in runs])  # (n, distinct)
    table[table > budget_s] = np.inf
    return np.asarray(table[rows[:, :, None], where.reshape(targets.shape)[:, None, :]])


def resampled_rows(n: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> Index:
    """Block indices of the sample (row 0) and of its bootstrap resamples. (1 + resamples, n)."""
    return np.concatenate([np.arange(n)[None, :], rng.integers(0, n, (resamples, n))])
