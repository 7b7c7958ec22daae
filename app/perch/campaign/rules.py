"""What a campaign needs to know of its study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from perch.campaign.insurance import LONGEST_S
from perch.study import Insure, Study
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
    trials: int | None = None
    """Trials of the strategy's own; None: until the time is up. The strategy keeps to it; it stands here to be shown and changed."""
    checkpoints: Literal["needed", "all", "none"] = "needed"
    insure_s: float | None = None
    """Most seconds of a trial that may be unsaved; None: only what a strategy needs is saved."""
    insure_strictly: bool = False
    """``insure_s`` was asked for, and holds whatever saving costs."""
    keeps_reported: bool = False
    """Checkpoints that trainings with fresh seeds report of their own accord are kept: nothing else holds their weights."""
    max_failed_trials: int | None = None
    epoch_limit_s: float | None = None
    """The longest that an epoch may take; None: 20 times the median, ten minutes at least."""
    startup_s: float = 0.0
    """What a training program may take to its first epoch: it says itself what is wrong after that."""

    @classmethod
    def of(cls, study: Study) -> Rules:
        """The rules that a study file states."""
        asked = study.checkpoints
        which: Literal["needed", "all", "none"] = "needed" if isinstance(asked, Insure) else asked
        insure_s, strictly = (LONGEST_S if asked == "needed" else None), False
        if isinstance(asked, Insure):
            insure_s, strictly = (None, False) if asked.insure == "off" else (asked.insure, True)
        return cls(
            study.epochs,
            study.metric,
            study.mode,
            study.budget.time,
            study.budget.trials,
            checkpoints=which,
            insure_s=insure_s,
            insure_strictly=strictly,
            max_failed_trials=study.max_failed_trials,
            epoch_limit_s=study.epoch_limit,
            startup_s=0.0 if study.program is None else study.program.startup,
        )
