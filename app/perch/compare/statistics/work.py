"""What each strategy did with equal time: trials, epochs, where its worker seconds went, how often it found the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from perch.compare.figures.worker_seconds import seconds
from perch.compare.runs.gather import Comparison
from perch.compare.statistics.interval import Ratio, ratio


@dataclass(frozen=True)
class Work:
    """One strategy within the budget. Counts are means over runs, of trials that reported and of their epochs.

    ``best_in_blocks``: blocks in which it found the best value of all strategies; a tie is shared. ``shares``: of its
    worker seconds by activity; empty where the records hold none.
    """

    strategy: str
    trials: float
    epochs: float
    trials_ratio: Ratio | None
    epochs_ratio: Ratio | None
    best_in_blocks: float
    shares: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def sentence(self, reference: str, blocks: int) -> str:
        """For people."""
        compared = "" if self.trials_ratio is None else f", {self.trials_ratio} the trials of {reference}"
        lost = "".join(
            f"; {self.shares[activity]:.0%} {activity}"
            for activity in ("starting", "suggesting", "idle")
            if self.shares
        )
        return (
            f"{self.strategy}: {self.trials:.0f} trials and {self.epochs:.0f} epochs a run{compared}; "
            f"best in {self.best_in_blocks:g} of {blocks} blocks{lost}"
        )


def work(comparison: Comparison) -> list[Work]:
    """What every strategy did, the reference first."""
    trials = {s: [c["trial_id"].nunique() for c in curves] for s, curves in comparison.curves.items()}
    epochs = {s: [len(c) for c in curves] for s, curves in comparison.curves.items()}
    best = np.array([[run.best for run in comparison.incumbents[s]] for s in comparison.strategies])
    lowest = (best == best.min(axis=0)) & np.isfinite(best)
    credit = (lowest / np.maximum(lowest.sum(axis=0), 1)).sum(axis=1)
    reference = comparison.reference
    return [
        Work(
            s, float(np.mean(trials[s])), float(np.mean(epochs[s])),
            None if s == reference else paired_ratio(trials[s], trials[reference]),
            None if s == reference else paired_ratio(epochs[s], epochs[reference]),
            round(float(credit[i]), 2), _shares(comparison, s),
        )
        for i, s in enumerate(comparison.strategies)
    ]  # fmt: skip


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio | None:
    """How many times theirs ours are, numbers of equal blocks, by ``interval.ratio``; None where one is not positive."""
    if min(*ours, *theirs) <= 0:
        return None
    return ratio(np.array([ours], dtype=float), np.array([theirs], dtype=float), budget_s=np.inf)


def _shares(comparison: Comparison, strategy: str) -> dict[str, float]:
    total: dict[str, float] = {}
    for run in comparison.runs[strategy]:
        for activity, spent_s in seconds(run.overheads).items():
            total[activity] = total.get(activity, 0.0) + spent_s
    whole = sum(total.values())
    return {activity: spent_s / whole for activity, spent_s in total.items()} if whole else {}
