"""When a trial saves although its strategy does not need it: so that an interruption costs a bounded share of its work.

With the measured time of a save δ and the mean time between interruptions M, saving every sqrt(2 δ M) seconds loses the
least (Young, Commun. ACM 17 (1974) 530, https://doi.org/10.1145/361147.361115; Daly, Future Gener. Comput. Syst. 22
(2006) 303, https://doi.org/10.1016/j.future.2004.11.016). Two bounds come before it: saving may take at most 1 % of a
worker's seconds, and where that allows it no more than ten minutes of a trial are unsaved.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass, field

LARGEST_SHARE = 0.01
"""Share of a worker's seconds that insurance may cost."""
LONGEST_S = 600.0
"""Seconds of a trial that may be unsaved, where ``LARGEST_SHARE`` allows it and the study names no number."""
FIRST_SAVE_S = 1.0
"""What a save is taken to cost before one has been measured."""
FIRST_BETWEEN_S = 4 * 3600.0
"""Mean seconds between interruptions before there were any, or enough time to have met one."""


@dataclass
class Insurance:
    """``longest_s``: most seconds of a trial that may be unsaved; None: no insurance. ``strict``: whatever it costs."""

    longest_s: float | None = None
    strict: bool = False
    saves: deque[float] = field(default_factory=lambda: deque(maxlen=32))
    """Seconds of the last saves."""

    def saved(self, seconds: float) -> None:
        """A save has taken so long."""
        self.saves.append(seconds)

    @property
    def save_s(self) -> float:
        """What a save costs, in seconds: the median of the last ones."""
        return statistics.median(self.saves) if self.saves else FIRST_SAVE_S

    def interval_s(self, between_s: float) -> float:
        """Most seconds of a trial to leave unsaved, given the mean seconds between interruptions."""
        if self.longest_s is None:
            return math.inf
        save_s = max(self.save_s, 1e-3)
        best_s, cheapest_s = math.sqrt(2 * save_s * between_s), save_s / LARGEST_SHARE
        if self.strict:
            return min(self.longest_s, max(best_s, cheapest_s))
        return max(min(best_s, self.longest_s), cheapest_s)


def mean_between_s(used_s: float, interruptions: float) -> float:
    """Mean seconds between interruptions of a trial, from what the run has seen; at first an assumption."""
    if interruptions <= 0:
        return max(used_s, FIRST_BETWEEN_S)
    return max(used_s, 1.0) / interruptions
