"""What the live view shows of a run: one small snapshot, which whoever runs the study fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

FEWEST_ENDED: Final = 3
"""Trials that must have ended before their pace says anything about the time left."""


@dataclass(frozen=True, slots=True)
class Best:
    """The incumbent: the lowest (``mode: max``: highest) value of the study's metric so far, any epoch, any trial."""

    trial_id: str
    value: float
    epoch: int
    config: Mapping[str, Any] = field(default_factory=dict)
    test_mae_ev: float | None = None


@dataclass(frozen=True, slots=True)
class Rung:
    """How many trials were judged after ``epoch`` epochs, and how many of them went on."""

    epoch: int
    reached: int
    passed: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the live view shows; whoever runs the study fills it.

    ``elapsed_s`` are consumed seconds (interruptions left out). ``trials`` counts trials by state.
    ``trials`` and ``rungs`` are the search's, also while the best are confirmed; ``confirming`` counts those trainings.
    ``trials_per_minute`` counts trials that ended. ``phase`` is search or confirm. ``baselines`` in eV, by name.
    ``running``: trials on workers with their last epoch. ``failed``: the trial that failed last, and its message in a line.
    ``folder``: where the run lies, as one would type it.
    """

    run_id: str
    strategy: str
    metric: str
    elapsed_s: float
    trials: Mapping[str, int]
    best: Best | None = None
    rungs: tuple[Rung, ...] = ()
    budget_s: float | None = None
    budget_trials: int | None = None
    trials_per_minute: float | None = None
    workers_busy: int = 0
    workers: int = 0
    phase: str = "search"
    baselines: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    folder: str = ""
    confirming: Mapping[str, int] = field(default_factory=dict)
    confirm_trials: int | None = None
    running: tuple[tuple[str, int], ...] = ()
    failed: tuple[str, str] | None = None

    @property
    def ended(self) -> int:
        """Trials that will report nothing more."""
        return _ended(self.trials)

    @property
    def confirmed(self) -> int:
        """Trainings of the confirmation that are over."""
        return _ended(self.confirming)

    @property
    def time_left_s(self) -> float | None:
        """Seconds to the end of the budget: of the time, or of the trials at the present pace; None: not known yet.

        While the best are confirmed: of what their trainings may take at most, where that is a time.
        """
        if self.phase != "search":
            return None if self.budget_s is None else max(self.budget_s - self.elapsed_s, 0.0)
        left = []
        if self.budget_s is not None:
            left.append(max(self.budget_s - self.elapsed_s, 0.0))
        if self.budget_trials is not None and self.trials_per_minute and self.ended >= FEWEST_ENDED:
            left.append(max(self.budget_trials - self.ended, 0) / self.trials_per_minute * 60)
        return min(left) if left else None


def _ended(trials: Mapping[str, int]) -> int:
    return sum(n for state, n in trials.items() if state not in {"running", "paused", "interrupted", "infeasible"})
