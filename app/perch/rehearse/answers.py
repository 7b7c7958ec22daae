"""What rehearsed runs answer: each strategy's value, who beats whom at which time, times-to-solution, rungs, saturation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from perch.compare.statistics.analysis import Analysis, ReachedFirst, analyse, wilson
from perch.compare.statistics.hits import Blocks
from perch.rehearse.run import Rehearsed
from perch.rehearse.tables.table import Table

Array = NDArray[np.float64]

USED_UP: Final = 0.95
"""Share of the record that one run may draw; above it the seeds are all but the same run."""

SHARES: Final = (0.25, 0.5, 1.0)
"""Shares of the budget at which values are given."""


@dataclass(frozen=True)
class Mean:
    """A mean over seeds and its 95 % t-interval; NaN bounds with fewer than two seeds."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {k: v if np.isfinite(v) else None for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Gain:
    """How far ``strategy`` is ahead of ``other`` at the end, in the metric's unit, above zero is better; paired over seeds.

    ``record``: half of the 95 % interval that comes from the record's own chance; None where one run uses it up.
    """

    strategy: str
    other: str
    mean: Mean
    record: float | None

    @property
    def verdict(self) -> str:
        """What may be said of the space and not only of this record."""
        if self.record is None:
            return "one run uses up the record: it cannot tell"
        half = (self.record**2 + ((self.mean.high - self.mean.low) / 2) ** 2) ** 0.5
        if abs(self.mean.value) > half:
            return "better" if self.mean.value > 0 else "worse"
        return "cannot tell: the record is too small"


@dataclass(frozen=True)
class Beats:
    """P(``strategy`` has the lower value at ``share`` of the budget than ``other``), ties half; Wilson interval."""

    strategy: str
    other: str
    share: float
    chance: ReachedFirst


@dataclass(frozen=True)
class Value:
    """One strategy at the end. ``values``: at ``SHARES`` of the budget, in the metric's own sign; None where some seed
    had no result yet. Counts are means over seeds. ``best_in``: seeds in which it was best, ties shared.
    """

    strategy: str
    values: tuple[Mean | None, ...]
    trials: float
    ended: float
    epochs: float
    full: float
    best_in: float
    seen: float
    """Mean share of the table's rows that its trials repeated."""
    reaches_best: float
    """Share of the seeds that found the best curve of the whole table: beyond it there is nothing to find."""
    record: float | None
    """Half of the 95 % interval that comes from the record's own chance; None where one run uses the record up."""
    lost: float
    """Placements whose worker was lost."""
    attempts: float
    """Jobs that the run took, one after another."""
    redone: float
    """Epochs that were trained again after an interruption."""

    @property
    def interrupted(self) -> bool:
        """True when something interrupted a run."""
        return self.lost > 0 or self.attempts > 1


@dataclass(frozen=True)
class Answers:
    """Everything that a rehearsal says."""

    values: list[Value]
    beats: list[Beats]
    gains: list[Gain]
    analysis: Analysis
    saturated: list[str]


def answer(table: Table, runs: Mapping[str, Sequence[Rehearsed]], time_s: float, reference: str) -> Answers:
    """All answers. ``runs``: by label, in the same order of seeds."""
    incumbents = {s: [r.incumbent for r in found] for s, found in runs.items()}
    at = {s: np.stack([i.at(time_s * np.asarray(SHARES)) for i in found]) for s, found in incumbents.items()}
    ends = np.stack([a[:, -1] for a in at.values()])
    lowest = (ends == ends.min(axis=0)) & np.isfinite(ends)
    credit = (lowest / np.maximum(lowest.sum(axis=0), 1)).sum(axis=1)
    values = [
        _value(table, label, found, at[label], float(credit[i])) for i, (label, found) in enumerate(runs.items())
    ]  # fmt: skip
    beats = [
        Beats(a, b, share, _chance(at[a][:, j], at[b][:, j]))
        for a, b in permutations(runs, 2) for j, share in enumerate(SHARES)
    ]  # fmt: skip
    n = len(next(iter(runs.values())))
    analysis = analyse(Blocks(incumbents, time_s, reference), planned=max(n, 1))
    trials = {v.strategy: v.trials for v in values}
    gains = [
        Gain(
            s, reference, mean_of(at[reference][:, -1] - at[s][:, -1]),
            record_half(at[reference][:, -1] - at[s][:, -1], max(trials[s], trials[reference]), table.effective_size),
        )
        for s in runs if s != reference
    ]  # fmt: skip
    return Answers(values, beats, gains, analysis, saturated(table, values))


def mean_of(values: Array) -> Mean:
    """Mean with its t-interval over seeds."""
    n, middle = len(values), float(np.mean(values))
    if n < 2:
        return Mean(middle, float("nan"), float("nan"))
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Mean(middle, middle - half, middle + half)


def record_half(values: Array, drawn: float, curves: float) -> float | None:
    """Half of a 95 % interval for the chance that made the record, of a mean over rehearsed runs; None: one run uses it up.

    A run draws ``drawn`` of ``curves`` without replacement, so the mean over all such runs is a U-statistic, and at most
    drawn / curves of a fresh run's variance is the record's (Hoeffding 1948); the rest is what the seeds show. More seeds
    do not lessen it: a record of n curves is worth n / drawn real runs.
    """
    share = drawn / curves
    if share >= USED_UP or len(values) < 2 or not np.isfinite(values).all():
        return None
    return float(1.96 * np.sqrt(share / (1 - share) * np.var(values, ddof=1)))


def saturated(table: Table, values: Sequence[Value]) -> list[str]:
    """Sentences for strategies that have seen so much of the table that its size, not the space, bounds their values."""
    rows = len(table.usable)
    return [
        f"the table is saturated for {v.strategy}: {v.trials:,.0f} trials a run from {rows:,} curves, and {v.reaches_best:.0%} of the "
        "runs found the best curve there is; in the space there may be better"
        for v in values
        if v.reaches_best >= 0.5 or v.trials >= rows
    ]


def _value(table: Table, label: str, runs: Sequence[Rehearsed], at: Array, best_in: float) -> Value:
    best = float(np.nanmin(table.values[table.usable]))
    means = tuple(
        _signed(mean_of(at[:, j]), table.sign) if np.isfinite(at[:, j]).all() else None for j in range(at.shape[1])
    )  # fmt: skip
    return Value(
        label, means, _mean(r.trials for r in runs), _mean(r.ended for r in runs), _mean(r.epochs for r in runs),
        _mean(int(r.reached[-1]) for r in runs), best_in, _mean(r.rows_seen for r in runs) / len(table.usable),
        float(np.mean([r.incumbent.best <= best for r in runs])),
        record_half(at[:, -1], _mean(r.trials for r in runs), table.effective_size),
        _mean(r.lost for r in runs), _mean(r.attempts for r in runs), _mean(r.redone for r in runs),
    )  # fmt: skip


def _signed(mean: Mean, sign: float) -> Mean:
    return mean if sign > 0 else Mean(-mean.value, -mean.high, -mean.low)


def _mean(numbers: Any) -> float:
    return float(np.mean(list(numbers)))


def _chance(ours: Array, theirs: Array) -> ReachedFirst:
    """Two seeds without any result yet are a tie."""
    wins = float((ours < theirs).sum() + 0.5 * (ours == theirs).sum())
    return wilson(wins, len(ours))
