"""What advice stands on: the space's size and kind, the trials that the budget affords, the cost of an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from perch.dimension import Float, Int
from perch.errors import StudyError
from perch.rehearse.tables.table import Table
from perch.space import Space
from perch.study import Study


@dataclass(frozen=True)
class Facts:
    """A study and its budget, as rules see them. ``reliability``: rank correlation of each level with the last epoch."""

    space: Space
    epochs: int
    workers: int
    time_s: float
    epoch_s: float | None
    schedule: bool = False
    architecture: tuple[str, ...] = ()
    can_checkpoint: bool = True
    reliability: tuple[tuple[int, float], ...] = ()

    @property
    def combinations(self) -> float:
        """Configurations of the space, conditions aside; infinite with a real dimension."""
        size = 1.0
        for dimension in self.space.dimensions.values():
            if isinstance(dimension, Float):
                return math.inf
            size *= dimension.high - dimension.low + 1 if isinstance(dimension, Int) else len(dimension.values)
        return size

    @property
    def full_trainings(self) -> float | None:
        """Trainings to the last epoch that the budget affords; None while nobody knows how long an epoch takes."""
        return None if self.epoch_s is None else self.workers * self.time_s / (self.epochs * self.epoch_s)

    @property
    def searched(self) -> int:
        """Searched dimensions."""
        return len(self.space.dimensions)


def facts_of(
    study: Study,
    gpus: float,
    hours: float,
    *,
    epoch_s: float | None = None,
    table: Table | None = None,
    schedule: bool = False,
) -> Facts:
    """Facts of a study, checked. Raises StudyError."""
    workers = workers_of(study, gpus)
    if not math.isfinite(hours) or hours <= 0:
        raise StudyError(f"--hours {hours:g}", why="nothing ends in no time", fix="give hours above zero")
    epoch = table.epoch_s if table is not None else epoch_s
    if epoch is not None and epoch <= 0:
        raise StudyError(f"--epoch-s {epoch:g}", why="an epoch takes some time", fix="give seconds above zero")
    time_s = 3600.0 * hours
    if epoch is not None and time_s < epoch:
        raise StudyError(
            f"{hours:g} hours are less than one epoch", why=f"an epoch takes {epoch:.4g} s", fix="give more time"
        )  # fmt: skip
    keys: dict[str, Any] = {}
    if study.trainable_is_ours:
        from perch.training.keys import ARCHITECTURE_KEYS

        keys["architecture"] = tuple(k for k in study.search_space.dimensions if k in ARCHITECTURE_KEYS)
    return Facts(
        study.search_space, study.epochs, workers, time_s, epoch, schedule=schedule, can_checkpoint=study.checkpoints != "none",
        **keys,
    )  # fmt: skip


def workers_of(study: Study, gpus: float) -> int:
    """Trials side by side on that many GPUs; a study of CPUs (``gpus: 0``) gets one worker for each 'GPU' asked."""
    each = study.resources.gpus_each or 1.0
    if not math.isfinite(gpus) or gpus < each:
        raise StudyError(
            f"--gpus {gpus:g}", why=f"a trial of this study takes {each:g} GPU{'s' if each != 1 else ''}",
            fix=f"give {math.ceil(each)} or more, or a smaller resources.gpus",
        )  # fmt: skip
    return int(gpus / each)
