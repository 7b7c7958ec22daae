"""How much room an autoscaler is asked to make: for the trials that run, and for a bounded number more.

Ray's autoscaler takes what it is asked for as one wish: of a wish that is larger than what its groups of workers may have it fulfils
nothing (``autoscaler/v2/scheduler.py``, ``_enforce_resource_constraints``). So nothing beyond the nodes of ``PERCH_CLUSTER`` is asked
for; where that is not known, a wish that has not been fulfilled for a minute is made smaller, down to one trial more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_AHEAD: Final = 8
"""Trials beyond the present capacity that an autoscaler is shown at most."""

PATIENCE_S: Final = 60.0
"""After so long without a new worker, half as many trials are asked for, where it is not known how many may come."""


def demand(busy: int, worker_slots: int, left: int | None, ahead: int = MOST_AHEAD) -> int:
    """Trials that an autoscaler should make room for: those that run, and more of them while every slot is used.

    ``left``: trials that the budget still allows, None: no limit.  ``ahead``: how many more at most.
    """
    if busy < worker_slots:
        return busy
    more = min(max(worker_slots, 1), ahead)
    return busy + (more if left is None else min(more, left))


@dataclass
class Wish:
    """What the autoscaler has been shown last, and since when the number of slots has been what it is."""

    shown: int = -1
    there: int = -1
    since_s: float = 0.0

    def ahead(self, there: int, now_s: float) -> int:
        """How many trials more to ask for at most, of an autoscaler that may not be able to make room for eight."""
        if there != self.there:
            self.there, self.since_s = there, now_s
        halvings = int((now_s - self.since_s) / PATIENCE_S)
        return max(MOST_AHEAD >> min(halvings, MOST_AHEAD), 1)
