"""Which running placements an attempt that is to end still waits for, and which have taken too long."""

from __future__ import annotations

from perch.campaign.books import Books
from perch.campaign.leaving import Stay

HANGING_EPOCHS, SHORTEST_LIMIT_S = 20, 600.0
"""Unless the study says otherwise, an epoch hangs that takes 20 times the median, and ten minutes at least."""

LONGEST_FAREWELL_S = 10.0
"""A trial that was stopped by hand is ended in the middle of an epoch that goes on for so long."""

STARTUP_MARGIN_S = 60.0
"""A program that reports nothing in time has so long to say so itself before it counts as hanging."""


class Staying(Books):
    """See ``perch.campaign.leaving`` for how long an attempt stays."""

    def awaited(self) -> list[str]:
        """Running trials that an attempt which is to end should wait for: they can finish their epoch and save in time.

        Empty also where their epoch would be of no use: nothing is saved, or the run is another attempt's now.
        """
        stay = self._current_stay()
        useless = self.ending == "superseded" or (self.rules.checkpoints == "none" and self.ending is not None)
        if stay is None or useless:
            return []
        now_s, usual_s, save_s = self.clock.now_s(), self.epoch_s, self.insurance.save_s
        return [
            trial for trial, spent in self.spent.items()
            if trial in self.saving
            or stay.worth_waiting(now_s, spent.epoch_began_s, spent.epoch_s or usual_s, save_s)
        ]  # fmt: skip

    def overdue(self) -> dict[str, bool]:
        """Placements that the engine should end now, each with whether its trial hangs.

        A trial hangs whose epoch takes longer than ``Rules.epoch_limit_s``. One that was stopped by hand leaves at the end of
        its epoch, or after ``LONGEST_FAREWELL_S``. Once the search has consumed its time, the
        others are overdue that are not worth waiting for.
        """
        now_s, limit_s = self.clock.now_s(), self.epoch_limit_s
        found = {t: True for t, spent in self.spent.items() if spent.up_s and now_s - spent.epoch_began_s > limit_s}
        for trial, spent in self.spent.items():
            if spent.unwanted_s is not None and now_s - spent.unwanted_s > LONGEST_FAREWELL_S:
                found.setdefault(trial, False)
        if self.ending is None and self.time_is_up and not self.state.confirming:
            awaited = set(self.awaited())
            found.update({t: False for t in self.spent if t not in awaited and t not in found})
        return found

    @property
    def epoch_limit_s(self) -> float:
        """The longest that an epoch may take before its trial counts as hanging."""
        if self.rules.epoch_limit_s is not None:
            return self.rules.epoch_limit_s
        return max(HANGING_EPOCHS * (self.epoch_s or 0.0), SHORTEST_LIMIT_S, self.rules.startup_s + STARTUP_MARGIN_S)

    def _current_stay(self) -> Stay | None:
        """The stay of an attempt that is to leave, or of one whose time budget is over."""
        if self.stay is None and self.time_is_up and not self.state.confirming:
            ended_s, budget_s = self.state.by_hand.search_ended_s, self.rules.time_s
            return Stay(ended_s if ended_s is not None else (budget_s or 0.0) + self.state.confirmed_s)
        return self.stay
