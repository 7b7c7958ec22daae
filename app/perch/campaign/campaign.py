"""A run in motion: asks the strategy, writes the log, keeps the state. The only code that places, judges, saves and drops.

It knows no Ray, no torch, no files and no machine's clock; ``perch.campaign.seams`` states what it is connected to and
which of its methods an engine calls. Every change is an event first: it is logged, then applied to the state.

A campaign is read from below: ``books`` (log, state, accounts), ``staying`` (an end that is near), ``faults``, ``judging``
(results), ``asked`` (what somebody asks for by hand), and here what a free worker does next.
"""

from __future__ import annotations

import math
from typing import Any

from perch.campaign.asked import Asked
from perch.campaign.placement import Placement
from perch.campaign.spent import Spent
from perch.errors import StrategyError
from perch.log.state import CONFIRM, SEARCH, Live
from perch.strategies.strategy import Done, New, Resume
from perch.vocabulary import INFEASIBLE

MAX_IDLE_S = 120.0
"""Consumed seconds after which a strategy that asks for nothing while nothing runs counts as stuck."""


MAX_REFUSED = 1_000
"""Configurations refused in a row that end a run: a searcher that is told of so many finds none."""


class Campaign(Asked):
    """See the module."""

    def begin(self) -> None:
        """Queue the trials that an earlier attempt left running."""
        waiting = sorted(
            (t for t in self.state.live.values() if t.status == "running"), key=lambda t: (t.phase, t.ordinal)
        )
        waiting = [t for t in waiting if t.phase == CONFIRM or t.best is not None or not self._refused(t.id)]
        if self.time_is_up:
            waiting = [t for t in waiting if t.phase == CONFIRM]
        self.queue.extend(t.id for t in waiting)

    def next_placement(self, busy: int) -> Placement | None:
        """What a free worker should do; None: nothing now. ``busy``: placements that the engine holds.

        Sets ``ending`` to ``done`` when nothing will come any more. Raises StrategyError for a strategy that asks for
        nothing while nothing runs, or resumes a trial that does not wait.
        """
        while self.ending is None:
            placement = self._queued() if self.queue else None
            if placement is not None:
                return placement
            searching = not self.state.confirming
            if searching and not self.time_is_up:
                answer = self._ask()
                if isinstance(answer, New):
                    if (begun := self._new(answer)) is not None:
                        return begun
                    continue
                if isinstance(answer, Resume):
                    self._promote(answer.trial)
                    if answer.trial in self.saving:  # it is placed when its checkpoint is there
                        return None
                    continue
                if not isinstance(answer, Done):
                    if (placement := self._queued(alone=True)) is None:
                        self._check_deadlock(busy)
                    return placement
            if (placement := self._queued(alone=True)) is not None:
                return placement
            if busy or self.queue:
                return None
            if searching and (chosen := self.confirmation.choose(self.state, self.worker_slots)):
                self.emit(e="confirm", **chosen)
            job = self._next_job() if self.state.confirming else None
            if job is None:
                self.end("done", self._why_done())
                return None
            return self._confirm(job)
        return None

    def _why_done(self) -> str:
        if self.state.by_hand.search_ended_s is not None:
            return "the search was ended by hand"
        return "the budget is spent" if self.time_is_up else "every trial has ended"

    def next_confirmation(self) -> Placement | None:
        """Further confirmations, while others run."""
        if self.ending is None and self.state.confirming and not self.queue:
            job = self._next_job()
            return self._confirm(job) if job is not None else None
        return None

    def _next_job(self) -> dict[str, Any] | None:
        return self.confirmation.next_job(self.state, self.clock.now_s())

    def _ask(self) -> Any:
        before_s = self.clock.cpu_s()
        answer = self.state.strategy.ask(self.clock.now_s())
        self.suggesting_s += self.clock.cpu_s() - before_s
        return answer

    def _promote(self, trial: str) -> None:
        live = self.state.live.get(trial)
        if live is None or live.status != "paused":
            raise StrategyError(
                f"trial {trial} cannot be resumed",
                why="it does not wait: only a trial whose last decision was to pause does",
                fix="ask() must resume paused trials only",
            )
        self.emit(e="promote", id=trial, rung=live.epoch)
        self.queue.append(trial)

    def _queued(self, *, alone: bool = False) -> Placement | None:
        """The first that waits; those that need a GPU to themselves only when nothing else runs and none is left to place.

        A GPU is whole only then: its parts are given to the next trial as soon as they are free.
        """
        live = self.state.live
        if alone and not all(name in live and live[name].alone for name in self.spent):
            return None
        for _ in range(len(self.queue)):
            trial = self.queue.popleft()
            if trial in live and (trial in self.saving or live[trial].alone > alone):
                self.queue.append(trial)
            elif trial in live:
                return self._placement(live[trial])
        return None

    def _new(self, new: New) -> Placement | None:
        """Place a new trial; None for one that is refused."""
        name = self._write_trial(new)
        return None if self._refused(name) else self._placement(self.state.live[name])

    def _refused(self, trial: str) -> bool:
        """True for a trial that is not started: a row with the reason, and the searcher is told. No budget counts it."""
        live = self.state.live[trial]
        reason = self.refuses(live.config)
        self.refused_in_a_row = self.refused_in_a_row + 1 if reason is not None else 0
        if reason is None:
            return False
        self.emit(e="error", id=trial, seg=live.segment, epoch=live.epoch, failure=INFEASIBLE, message=reason)
        if self.refused_in_a_row >= MAX_REFUSED:
            self.end(
                "hopeless", f"{self.refused_in_a_row} configurations in a row were not started; the last: {reason}"
            )
        return True

    def _confirm(self, job: dict[str, Any]) -> Placement:
        self.emit(e="trial", phase=CONFIRM, **job)
        return self._placement(self.state.live[job["id"]])

    def _placement(self, live: Live) -> Placement:
        start = live.start
        if start is not None and not self.store.has(start.path):
            self.emit(e="drop", id=live.id, seg=start.segment, epoch=start.epoch, path=start.path, why="missing")
            start = None
        self.spent[live.id] = Spent(self.clock.now_s())
        where = {"from": {"path": start.path, "epoch": start.epoch}} if start is not None else {}
        self.emit(e="start", id=live.id, seg=live.segment, slots=self.worker_slots, **where)
        keep_below = self.state.keep_below if live.phase != CONFIRM else math.inf
        off, alone = frozenset(live.off), live.alone
        return Placement(
            live.id, live.config, live.segment, start, live.seed_key, keep_below, off, alone, live.phase == SEARCH
        )

    def begun(self, trial: str, *, idle_until_now: bool = False) -> None:
        """The worker takes its placement up. ``idle_until_now``: the time until here was no part of its start."""
        if (spent := self.spent.get(trial)) is not None:
            spent.up_s = self.clock.now_s()
            if idle_until_now:
                spent.began_s = spent.up_s

    def wait_for_suggestion(self, seconds: float) -> bool:
        """Wait a moment for a suggestion that is being worked out. False, at once, where none is awaited or wanted.

        Nor is there any waiting while a checkpoint is being written: its end is reported in the engine's loop alone.
        """
        unwanted = self.ending is not None or self.time_is_up or self.state.confirming
        if unwanted or self.queue or self.saving or not self.state.strategy.waiting:
            return False
        self.state.strategy.wait(seconds)
        return True

    def _check_deadlock(self, busy: int) -> None:
        """A strategy that has nothing to do, with no trial running that could change that, would wait for ever."""
        if busy or self.queue or self.saving or self.state.strategy.waiting:
            self.idle_since_s = None
            return
        now_s = self.clock.now_s()
        self.idle_since_s = now_s if self.idle_since_s is None else self.idle_since_s
        if now_s - self.idle_since_s > MAX_IDLE_S:
            raise StrategyError(
                "the strategy has nothing to do", why="no trial runs and it asks for none", fix="report this"
            )
