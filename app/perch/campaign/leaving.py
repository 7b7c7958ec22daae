"""How long an attempt that is to end waits for trials to reach the end of their epoch and save.

It may know until when it can stay: the end of its job, or of its pod's grace period. Then it waits for every trial that
can be expected to finish its epoch and save before that. If it does not know, it waits as long as the epochs take, within
bounds: a second signal ends it at once, and an attempt that is killed while it waits loses no more than one that leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_STAY_S = 600.0
"""Longest wait for running epochs where it is not known until when the attempt may stay."""
FIRST_EPOCH_S = 60.0
"""What an epoch is taken to last before one has been reported."""
SHORTEST_STAY_S = 4.0
"""Seconds that even the shortest epoch is waited for: the machine may be busy."""
PATIENCE = 2.0
"""An epoch may last this many times as long as expected before it is waited for no longer."""


@dataclass(frozen=True)
class Stay:
    """From when to when an attempt that is to end may stay, in consumed seconds. ``until_s`` None: not known."""

    began_s: float
    until_s: float | None = None

    def worth_waiting(self, now_s: float, epoch_began_s: float, epoch_s: float | None, save_s: float) -> bool:
        """True while a trial can be expected to finish its epoch and save before the stay ends.

        ``epoch_s``: how long its epochs last, None: not known.
        """
        if epoch_s is None:
            longest_s = FIRST_EPOCH_S if self.until_s is None else LONGEST_STAY_S
        else:
            longest_s = PATIENCE * epoch_s + SHORTEST_STAY_S
        if now_s >= epoch_began_s + longest_s:
            return False
        if self.until_s is None:
            return now_s < self.began_s + LONGEST_STAY_S
        if now_s + save_s >= self.until_s:
            return False
        return epoch_s is None or epoch_began_s + epoch_s + save_s <= self.until_s
