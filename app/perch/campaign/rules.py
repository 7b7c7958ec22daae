"""What a campaign needs to know of its study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from perch.study import Study
from perch.vocabulary import VALIDATION_MAE_EV


@dataclass(frozen=True)
class Rules:
    """How results are read, and when the search is over.

    ``time_s``: consumed seconds that the search may take, None: no limit.  ``max_failed_trials``: so many failures in a
    row, or half of all trials from the tenth on, end the run; None: failures never do.
    """

    epochs: int
    metric: str = VALIDATION_MAE_EV
    mode: Literal["min", "max"] = "min"
    time_s: float | None = None
    checkpoints: Literal["needed", "all", "none"] = "needed"
    max_failed_trials: int | None = None

    @classmethod
    def of(cls, study: Study) -> Rules:
        """The rules that a study file states."""
        return cls(
            study.epochs, study.metric, study.mode, study.budget.time, study.checkpoints, study.max_failed_trials
        )
