"""ASHA as in its paper: a trial pauses at each rung, and the best of the top 1/η not yet promoted goes on when a worker
is free; where none can be promoted, a new trial starts at the base.

Li et al., A System for Massively Parallel Hyperparameter Tuning (MLSys 2020), Algorithm 2, https://arxiv.org/abs/1810.05934
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from typing import Any

from perch.strategies.asha import AshaSettings, check_grace_period
from perch.strategies.plan import Plan
from perch.strategies.registry import STRATEGIES, Entry
from perch.strategies.rungs import Place, ladder, value_at_place
from perch.strategies.scheduler import Scheduler
from perch.strategies.strategy import DONE, GO, Action, Answer, Checkpoint, Decision, Event, Resume, Searcher


class PromotionRung:
    """Every trial that reached one rung, and which of them wait there."""

    def __init__(self, epoch: int, eta: int) -> None:
        self.epoch, self.eta = epoch, eta
        self.places: list[Place] = []
        self.waiting: list[Place] = []
        """Heap, best first; its first entry always waits (the others may have left)."""
        self.holding: list[tuple[float, str]] = []
        """Heap, worst first, of (minus the value, trial) with a checkpoint."""

    def promotable(self) -> str | None:
        """The best waiting trial, if it is among the top ⌊n/η⌋."""
        if self.waiting and bisect_left(self.places, self.waiting[0]) < len(self.places) // self.eta:
            return self.waiting[0][1]
        return None

    def would_promote(self, me: Place) -> bool:
        """True if ``me``, entered now, were the one to be promoted from here."""
        first = not self.waiting or me < self.waiting[0]
        return first and bisect_left(self.places, me) < (len(self.places) + 1) // self.eta

    def worth_holding(self, rank: int, size: int) -> bool:
        """True for a place in the top 2/η, or among the first η: it may yet be promoted as the rung fills."""
        return rank <= max(self.eta, -(-2 * size // self.eta))


class AshaPromote(Scheduler):
    """Promotes from the top rung down; a paused trial costs no worker."""

    def __init__(self, plan: Plan, settings: Any = None, searcher: Searcher | None = None) -> None:
        super().__init__(plan, AshaSettings() if settings is None else settings, searcher)
        check_grace_period(self.settings.grace_period, plan.epochs)
        eta = self.settings.reduction_factor
        epochs = ladder(self.settings.grace_period, plan.epochs, eta)
        self.rungs = {epoch: PromotionRung(epoch, eta) for epoch in epochs}
        self._from_the_top = list(reversed(self.rungs.values()))
        self._passed: dict[str, int] = {}
        """Epoch of the highest rung that each live trial has reached."""
        self.paused: dict[str, Place] = {}

    # --- looking ----------------------------------------------------------------------------------------------------

    def ask(self, now_s: float) -> Answer:
        """Promote, from the top rung down; else start a trial; DONE when neither is possible and nothing runs."""
        for rung in self.promoting():
            if trial := rung.promotable():
                return Resume(trial)
        if self.trials is None or self.counted < self.trials:
            return self.next_new(now_s)
        return None if len(self.last_epoch) > len(self.paused) else DONE

    def promoting(self) -> list[PromotionRung]:
        """The rungs that trials are promoted from, highest first."""
        return self._from_the_top

    def judge(self, trial: str, epoch: int, value: float) -> Decision:
        """Pause at a rung, unless ``ask`` would resume this very trial: then it goes on at once."""
        rung = self._reached(trial, epoch)
        if rung is None:
            return GO
        me = (value, trial)
        rank, size = bisect_left(rung.places, me) + 1, len(rung.places) + 1
        promoting = self.promoting()
        above = (r for r in promoting if r.epoch > rung.epoch)
        go = rung in promoting and rung.would_promote(me) and not any(r.promotable() for r in above)
        return Decision(
            Action.GO if go else Action.PAUSE,
            rung.epoch,
            value_at_place(rung.places, me, size // rung.eta),
            rank,
            size,
            checkpoint=rung.worth_holding(rank, size),
        )

    # --- changing ---------------------------------------------------------------------------------------------------

    def on_start(self, trial: str, event: Event) -> None:
        """Below every rung."""
        self._passed[trial] = 0

    def on_result(self, trial: str, event: Event) -> None:
        """Enter a rung, and wait there if that was decided."""
        rung = self._reached(trial, event["epoch"])
        if rung is None:
            return
        me = (event["value"], trial)
        self._passed[trial] = rung.epoch
        insort(rung.places, me)
        if event["d"] == Action.PAUSE:
            heapq.heappush(rung.waiting, me)
            self.paused[trial] = me
        self._trim(rung)

    def on_promote(self, trial: str) -> None:
        """Leave the rung; the checkpoint to start from is needed after all."""
        if self._leave(trial):
            self.needs_checkpoint(trial)

    def on_end(self, trial: str) -> None:
        """A trial that fails while it waits is never promoted; its place in the rungs stays."""
        self._leave(trial)
        del self._passed[trial]

    def on_checkpoint(self, saved: Checkpoint) -> None:
        """A paused trial's checkpoint is kept while it may be promoted."""
        trial = saved[0]
        if trial in self.paused:
            rung = self.rungs[self._passed[trial]]
            heapq.heappush(rung.holding, (-self.paused[trial][0], trial))
            self._trim(rung)

    def _leave(self, trial: str) -> bool:
        if self.paused.pop(trial, None) is None:
            return False
        waiting = self.rungs[self._passed[trial]].waiting
        while waiting and waiting[0][1] not in self.paused:
            heapq.heappop(waiting)
        return True

    def _trim(self, rung: PromotionRung) -> None:
        """Call the checkpoints of trials surplus that have fallen out of the top 2/η."""
        size = len(rung.places)
        while rung.holding:
            value, trial = -rung.holding[0][0], rung.holding[0][1]
            here = trial in self.paused and self._passed[trial] == rung.epoch
            if here and rung.worth_holding(bisect_left(rung.places, (value, trial)) + 1, size):
                return
            heapq.heappop(rung.holding)
            if here:
                self.needs_no_checkpoint(trial)

    def _reached(self, trial: str, epoch: int) -> PromotionRung | None:
        """The highest rung at or below ``epoch`` and above those passed (reports may skip epochs)."""
        passed = self._passed[trial]
        for rung in reversed(self.rungs.values()):
            if passed < rung.epoch <= epoch:
                return rung
        return None


STRATEGIES.register(
    "asha-promote",
    Entry(
        name="asha-promote",
        summary="ASHA as in the paper: trials pause at rungs, and the best are promoted when a worker is free",
        scheduler="asynchronous successive halving, promoting form",
        searcher="random",
        paper="Li et al., MLSys 2020, algorithm 2, https://arxiv.org/abs/1810.05934",
        when="No trial should pass a rung only because it came first, and none be lost because it came after better ones: a "
        "paused trial can still be promoted when the rung has filled. It costs checkpoints, and the first complete trial "
        "comes later than with asha.",
        differs="As the paper's: scan from the top rung, promote the best of the top ⌊n/η⌋ not yet promoted, else start a new "
        "trial. A trial that would be promoted on the spot goes on without pausing (same decisions, no checkpoint). A paused "
        "trial outside the top 2/η of its rung loses its checkpoint and is trained again should it ever be promoted. Ray has "
        "no such scheduler.",
        settings=AshaSettings,
        build=AshaPromote,
        needs_checkpoints=True,
    ),
)
