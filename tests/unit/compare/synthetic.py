"""Comparisons whose truth is known: to check that intervals cover it as often as they claim.

A run reaches a value x at exp(u - x) seconds. Its delay u is the sum of what a block's runs share (the seed: split, first
configurations), the run's own luck, and -log(speed) of its strategy. So the strategy is ``speed`` times faster at every
target, and times to a target are lognormal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from perch.compare.statistics.hits import Blocks, hit_times, reference_targets, resampled_rows
from perch.compare.statistics.incumbent import Incumbent
from perch.compare.statistics.interval import AVERAGE_RUNTIME, GEOMETRIC, Ratio, ratio

STEPS: Final = 400
"""Steps of a staircase: fine enough that its steps do not show."""

BUDGET_S: Final = 1000.0


@dataclass(frozen=True)
class Truth:
    """A synthetic pair of strategies and a target that the reference misses in ``censored`` of its runs."""

    speed: float = 2.0
    censored: float = 0.3
    luck: float = 0.8
    shared: float = 0.4

    @property
    def spread(self) -> float:
        """Standard deviation of a run's log time."""
        return float(np.hypot(self.luck, self.shared))

    @property
    def share(self) -> float:
        """Share of the budget at which the reference's median run reaches the target; above 1 beyond the budget."""
        z = stats.norm.ppf(1 - self.censored) if self.censored > 0 else 4.5
        return float(np.exp(-self.spread * z))

    @property
    def target(self) -> float:
        """The same target as a value."""
        return float(-np.log(self.share * BUDGET_S))

    def value_of(self, estimator: str) -> float:
        """What an estimator estimates here."""
        if estimator != AVERAGE_RUNTIME:
            return self.speed
        delays = np.log(self.share * BUDGET_S) + self.spread * np.random.default_rng(0).standard_normal(400_000)

        def average_runtime_s(log_times: np.ndarray) -> float:
            times = np.exp(log_times)
            return float(np.minimum(times, BUDGET_S).mean() / (times <= BUDGET_S).mean())

        return average_runtime_s(delays) / average_runtime_s(delays - np.log(self.speed))


def draw(truth: Truth, n: int, rng: np.random.Generator) -> Blocks:
    """N blocks of a reference ``rs`` and a strategy ``asha``."""
    shared = rng.normal(0, truth.shared, n)
    speeds = {"rs": 1.0, "asha": truth.speed}
    runs = {
        name: [_staircase(b + rng.normal(0, truth.luck) - np.log(speed)) for b in shared]
        for name, speed in speeds.items()
    }
    return Blocks(runs, BUDGET_S, "rs")


def estimate(truth: Truth, blocks: Blocks, rng: np.random.Generator, resamples: int) -> Ratio:
    """The ratio as a comparison would report it; a target that few reach is given, the others come from the sample."""
    rows = resampled_rows(blocks.n, rng, resamples)
    if truth.share <= 1:
        targets = reference_targets(blocks, rows, [truth.share])
    else:
        targets = np.full((len(rows), 1), truth.target)
    times = {s: hit_times(r, targets, rows, blocks.budget_s)[:, :, 0] for s, r in blocks.runs.items()}
    return ratio(times["rs"], times["asha"], blocks.budget_s)


@dataclass(frozen=True)
class Coverage:
    """How often an interval, and how often a bound, held the truth."""

    intervals: int
    covered: int
    bounds: int
    held: int

    @property
    def share(self) -> float:
        """Of intervals and bounds together."""
        return (self.covered + self.held) / max(1, self.intervals + self.bounds)


def coverage(truth: Truth, n: int, comparisons: int, seed: int = 0, resamples: int = 400) -> Coverage:
    """Draw many comparisons and count."""
    rng = np.random.default_rng(seed)
    values = {name: truth.value_of(name) for name in (GEOMETRIC, AVERAGE_RUNTIME)}
    counts = {"intervals": 0, "covered": 0, "bounds": 0, "held": 0}
    for _ in range(comparisons):
        found = estimate(truth, draw(truth, n, rng), rng, resamples)
        true = values.get(found.estimator, truth.speed)
        inside = (found.low or 0.0) <= true <= (found.high or np.inf)
        kind, success = ("intervals", "covered") if found.value is not None else ("bounds", "held")
        counts[kind] += 1
        counts[success] += int(inside)
    return Coverage(**counts)


def _staircase(delay: float) -> Incumbent:
    time_s = np.exp(np.linspace(np.log(BUDGET_S) - 12, np.log(BUDGET_S), STEPS))
    return Incumbent(time_s, delay - np.log(time_s), np.full(STEPS, np.nan))
