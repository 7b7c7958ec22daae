"""What interrupts simulated trials: workers that are lost, and attempts that end with their job's walltime."""

from __future__ import annotations

import math
from dataclasses import dataclass

from perch.space import keyed_uniforms


@dataclass(frozen=True)
class Interruptions:
    """Nothing by default. Seconds are of simulated time.

    Losses come at random, at a constant rate (a Poisson process), with no warning: a node that breaks, a preemption. Only
    training can be lost, not a start or a save, whose seconds are few.
    """

    lost_every_s: float = math.inf
    """Mean seconds that a worker trains before it is lost."""
    back_after_s: float = 0.0
    """Until another worker stands in for a lost one."""
    walltime_s: float = math.inf
    """An attempt lasts so long; then all trials are told to leave, and the next attempt goes on from their checkpoints.

    The wait between two attempts is no part of the run's consumed time.
    """
    warning_s: float = 300.0
    """So long before its walltime an attempt is told to leave, as Slurm's ``--signal`` does."""
    seed: int = 0

    def lost_after_s(self, epoch: int) -> float:
        """Seconds until the worker is lost, counted from the start of the run's epoch number ``epoch``; infinite for never."""
        if math.isinf(self.lost_every_s):
            return math.inf
        return -self.lost_every_s * math.log1p(-next(keyed_uniforms(self.seed, "lost", epoch)))


NONE = Interruptions()
