"""The median stopping rule: a trial ends when its best value so far is worse than the median of the others' averages.

Golovin et al., Google Vizier (KDD 2017), section 3.2.2, https://doi.org/10.1145/3097983.3098043
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

from pydantic import Field

from perch.strategies.asha import check_grace_period
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry, Settings
from perch.strategies.scheduler import Scheduler
from perch.strategies.strategy import GO, Action, Decision, Event, Searcher


class MedianSettings(Settings):
    """The median rule's settings."""

    grace_period: int = Field(4, ge=1, description="epochs that every trial trains before it can be stopped")
    min_samples_required: int = Field(
        3, ge=1, description="other trials that must have come as far before one is stopped"
    )


class Median(Scheduler):
    """Judges every epoch from ``grace_period`` on; there are no rungs to wait for."""

    def __init__(self, plan: Plan, settings: Any = None, searcher: Searcher | None = None) -> None:
        super().__init__(plan, MedianSettings() if settings is None else settings, searcher)
        check_grace_period(self.settings.grace_period, plan.epochs)
        self.means: dict[int, list[float]] = {}
        """Sorted: of each trial that reported this epoch, its mean from ``grace_period`` to this epoch."""
        self._best: dict[str, float] = {}
        self._sum: dict[str, tuple[float, int]] = {}

    def judge(self, trial: str, epoch: int, value: float) -> Decision:
        """Stop when even the best value so far is worse than the median."""
        means = self.means.get(epoch, [])
        if epoch < self.settings.grace_period or len(means) < self.settings.min_samples_required:
            return GO
        best, middle = min(value, self._best.get(trial, value)), len(means) // 2
        median = means[middle] if len(means) % 2 else (means[middle - 1] + means[middle]) / 2
        action = Action.STOP if best > median else Action.GO
        return Decision(action, epoch, median, bisect_left(means, best) + 1, len(means) + 1)

    def on_result(self, trial: str, event: Event) -> None:
        """Extend the trial's mean and its best value."""
        epoch, value = event["epoch"], event["value"]
        self._best[trial] = min(value, self._best.get(trial, value))
        if epoch >= self.settings.grace_period:
            total, number = self._sum.get(trial, (0.0, 0))
            total, number = self._sum[trial] = (total + value, number + 1)
            insort(self.means.setdefault(epoch, []), total / number)

    def on_end(self, trial: str) -> None:
        """Its means stay."""
        self._best.pop(trial, None)
        self._sum.pop(trial, None)


STRATEGIES.register(
    "median",
    Entry(
        name="median",
        summary="stops a trial whose best value is worse than the median of the others' averages at that epoch",
        scheduler="median stopping rule",
        searcher="random",
        paper="Golovin et al., Google Vizier (KDD 2017), https://doi.org/10.1145/3097983.3098043",
        when="You want mild early stopping without rungs: about half of the trials go on, and none is judged on one value "
        "alone. ASHA stops more, and so tries more configurations.",
        differs="Decisions equal those of Ray's MedianStoppingRule with hard_stop: averages begin at the grace period, and "
        "trials that were stopped count at the epochs they reached. Ray's also pauses trials while there are few samples; "
        "ours trains on. The paper takes the average over completed trials only.",
        settings=MedianSettings,
        build=Median,
    ),
)
