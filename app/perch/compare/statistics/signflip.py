"""Is the difference real? A paired sign-flip test within blocks, and Holm's correction for several of them.

If a strategy and the reference were the same, swapping their runs within a block would change nothing. The test swaps
them in every possible way (from 15 blocks on: in many random ones), computes targets and times anew each time, and
counts how often the difference comes out at least as large. It assumes neither a distribution nor uncensored times:
a missed target counts as the budget, on both sides alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from perch.compare.statistics.hits import Blocks, hit_times, reference_targets
from perch.compare.statistics.interval import log_ratios

EXACT_UP_TO: Final = 14
"""Blocks up to which every pattern of swaps is tried (2**14 = 16,384)."""

RANDOM_SWAPS: Final = 10_000

Key = TypeVar("Key")


def swap_patterns(n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which blocks are swapped, one pattern per row; the first swaps none. All of them, or as many as are affordable."""
    if n <= EXACT_UP_TO:
        return (np.arange(2**n)[:, None] >> np.arange(n)[None, :] & 1).astype(bool)
    return np.concatenate([np.zeros((1, n), dtype=bool), rng.random((RANDOM_SWAPS, n)) < 0.5])


def sign_flip_p(
    blocks: Blocks,
    strategy: str,
    rng: np.random.Generator,
    shares: Sequence[float] = (),
    given: Sequence[float] = (),
) -> NDArray[np.float64]:
    """Two-sided p-values of ``strategy`` against the reference, for targets by share of the budget, then given ones."""
    n = blocks.n
    swaps = swap_patterns(n, rng)
    pair = [*blocks.runs[blocks.reference], *blocks.runs[strategy]]
    ours = np.where(swaps, np.arange(n), np.arange(n) + n)
    theirs = np.where(swaps, np.arange(n) + n, np.arange(n))
    pooled = Blocks({"pair": pair}, blocks.budget_s, "pair")
    fixed = np.broadcast_to(np.asarray(given, dtype=float), (len(swaps), len(given)))
    targets = np.concatenate([reference_targets(pooled, theirs, shares), fixed], axis=1) if shares else fixed
    times = [hit_times(pair, targets, rows, blocks.budget_s) for rows in (theirs, ours)]
    size = np.abs(log_ratios(times[0], times[1], blocks.budget_s).mean(axis=1))  # (patterns, J)
    # Row 0, the sample itself, is one of the patterns, so p is never 0; a tie counts against the difference.
    return np.asarray((size >= size[0] - 1e-12).mean(axis=0))


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Holm's step-down correction (Scand. J. Stat. 6, 65, 1979): adjusted p-values, the family's error kept."""
    adjusted: dict[Key, float] = {}
    running = 0.0
    for rank, (key, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        running = max(running, min(1.0, (len(p_values) - rank) * p))
        adjusted[key] = running
    return adjusted
