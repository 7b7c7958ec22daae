"""A run in motion: asks the strategy, writes the log, keeps the state. Knows no Ray; an engine drives it.

The engine calls ``next_placement`` when a worker is free, ``result``, ``saved``, ``failed`` and ``lost`` as things happen,
and does what ``result`` answers. A *placement* is one uninterrupted stretch of a trial on a worker: a start, a resume after
a pause, an exploit, a kill or a lost worker are all "place a placement from this checkpoint".
"""

from __future__ import annotations

import math
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from perch.campaign.clock import Clock
from perch.campaign.confirmation import Confirmation
from perch.campaign.spent import Spent
from perch.errors import StrategyError
from perch.log.events import EventLog
from perch.log.folder import RunFolder
from perch.log.state import CONFIRM, Live, Save, State
from perch.strategies.strategy import GO, STOP, Action, Decision, Done, New, Resume
from perch.study import Study
from perch.vocabulary import TEST_MAE_EV

MAX_LOSSES = 3
"""A trial whose worker is lost this often without a new epoch between has failed: it may be what kills them."""

MAX_IDLE_S = 120.0
"""Consumed seconds after which a strategy that asks for nothing while nothing runs counts as stuck."""


class Instruction(Enum):
    """What the engine does with a placement after a result."""

    CONTINUE = auto()
    SAVE = auto()
    """Save, then train on."""
    STOP = auto()
    SAVE_AND_STOP = auto()


@dataclass(frozen=True, slots=True)
class Placement:
    """A stretch of a trial to be placed on a worker."""

    trial: str
    config: Mapping[str, Any]
    segment: int
    start: Save | None
    seed_key: str
    keep_below: float
    """Weights are worth keeping when the value falls below this (the fifth best so far)."""


@dataclass
class Campaign:
    """See the module. ``worker_slots`` is how many placements run at once; the engine keeps it true."""

    study: Study
    folder: RunFolder
    state: State
    log: EventLog
    clock: Clock
    confirmation: Confirmation
    worker_slots: int = 1
    ending: str | None = None
    """Why no new placement is placed: ``done``, ``budget`` (then ``confirm``), ``interrupted``, ``hopeless``, ``superseded``."""
    why: str = ""
    queue: deque[str] = field(default_factory=deque)
    saving: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Trial → (segment, epoch) that its worker is saving now."""
    spent: dict[str, Spent] = field(default_factory=dict)
    on_event: Callable[[dict[str, Any]], None] | None = None
    metric_seen: bool = False
    suggesting_s: float = 0.0
    best_config: dict[str, Any] = field(default_factory=dict)
    best_test_mae_ev: float | None = None
    idle_since_s: float | None = None
    failure: BaseException | None = None
    """An error of our own inside a callback of the engine, which the engine would swallow."""

    # --- writing ----------------------------------------------------------------------------------------------------

    def emit(self, **event: Any) -> None:
        """Log an event, then take it into account."""
        event["used_s"] = round(self.clock.now_s(), 4)
        self.log.append(event)
        self.state.apply(event)
        if self.on_event is not None:
            self.on_event(event)

    def begin(self) -> None:
        """Queue the trials that an earlier attempt left running."""
        waiting = sorted(
            (t for t in self.state.live.values() if t.status == "running"), key=lambda t: (t.phase, t.ordinal)
        )
        if self.time_is_up:
            waiting = [t for t in waiting if t.phase == CONFIRM]
        self.queue.extend(t.id for t in waiting)

    # --- where the budget stands ------------------------------------------------------------------------------------

    @property
    def time_is_up(self) -> bool:
        """True once the search has consumed its time."""
        budget_s = self.study.budget.time
        return budget_s is not None and self.clock.now_s() - self.state.confirmed_s >= budget_s

    @property
    def leaving(self) -> bool:
        """True when running placements save and go at their next result, whatever the strategy says."""
        return self.ending is not None or (self.time_is_up and not self.state.confirming)

    def end(self, ending: str, why: str) -> None:
        """Place nothing more; the first reason stands."""
        if self.ending is None:
            self.ending, self.why = ending, why

    # --- work for a free worker -------------------------------------------------------------------------------------

    def next_placement(self, busy: int) -> Placement | None:
        """What a free worker should do; None: nothing now. Sets ``ending`` to ``done`` when nothing will come."""
        while self.ending is None:
            placement = self._queued()
            if placement is not None:
                return placement
            searching = not self.state.confirming
            if searching and not self.time_is_up:
                before = time.perf_counter()
                answer = self.state.strategy.ask(self.clock.now_s())
                self.suggesting_s += time.perf_counter() - before
                if isinstance(answer, New):
                    return self._new(answer)
                if isinstance(answer, Resume):
                    self.emit(e="promote", id=answer.trial, rung=self.state.live[answer.trial].epoch)
                    self.queue.append(answer.trial)
                    if answer.trial in self.saving:  # it is handed out when its checkpoint is there
                        return None
                    continue
                if not isinstance(answer, Done):
                    self._check_deadlock(busy)
                    return None
            if busy or self.queue:
                return None
            if searching and (chosen := self.confirmation.choose(self.state)):
                self.emit(e="confirm", trials=chosen)
            job = self.confirmation.next_job(self.state) if self.state.confirming else None
            if job is None:
                self.end("done", "the budget is spent" if self.time_is_up else "every trial has ended")
                return None
            return self._confirm(job)
        return None

    def next_confirmation(self) -> Placement | None:
        """Further confirmations, while others run."""
        if self.ending is None and self.state.confirming and not self.queue:
            job = self.confirmation.next_job(self.state)
            return self._confirm(job) if job is not None else None
        return None

    def _queued(self) -> Placement | None:
        for _ in range(len(self.queue)):
            trial = self.queue.popleft()
            if trial in self.saving:
                self.queue.append(trial)
            elif trial in self.state.live:
                return self._placement(self.state.live[trial])
        return None

    def _new(self, new: New) -> Placement:
        ordinal = self.state.started
        name = f"{ordinal:05d}"
        event: dict[str, Any] = {"e": "trial", "id": name, "i": ordinal, "config": new.config, "bracket": new.bracket}
        event.update(by=new.by, seen=self.state.results, ask_s=round(new.ask_s, 4))
        if new.note:
            event["note"] = dict(new.note)
        self.emit(**event)
        return self._placement(self.state.live[name])

    def _confirm(self, job: dict[str, Any]) -> Placement:
        self.emit(e="trial", phase=CONFIRM, **job)
        return self._placement(self.state.live[job["id"]])

    def _placement(self, live: Live) -> Placement:
        if live.start is not None and not (self.folder.path / live.start.path).exists():
            self.emit(
                e="drop",
                id=live.id,
                seg=live.start.segment,
                epoch=live.start.epoch,
                path=live.start.path,
                why="missing",
            )
            live.start = None
        self.spent[live.id] = Spent(self.clock.now_s())
        start = {"path": live.start.path, "epoch": live.start.epoch} if live.start else None
        self.emit(
            e="start", id=live.id, seg=live.segment, slots=self.worker_slots, **({"from": start} if start else {})
        )
        return Placement(live.id, live.config, live.segment, live.start, live.seed_key, self.state.keep_below)

    @property
    def _suggestion_awaited(self) -> bool:
        """True while a searcher works out the suggestion that was asked for last."""
        return bool(getattr(getattr(self.state.strategy, "searcher", None), "waiting", False))

    def wait_for_suggestion(self, seconds: float) -> bool:
        """Wait a moment for a suggestion that is being worked out. False, at once, where none is awaited or wanted.

        Nor is there any waiting while a checkpoint is being written: only the engine's loop hears of its end.
        """
        unwanted = self.ending is not None or self.time_is_up or self.state.confirming
        if unwanted or self.queue or self.saving or not self._suggestion_awaited:
            return False
        self.state.strategy.searcher.wait(seconds)  # type: ignore[attr-defined]
        return True

    def _check_deadlock(self, busy: int) -> None:
        """A strategy that has nothing to do, with no trial running that could change that, would wait for ever."""
        if busy or self.queue or self.saving or self._suggestion_awaited:
            self.idle_since_s = None
            return
        now_s = self.clock.now_s()
        self.idle_since_s = now_s if self.idle_since_s is None else self.idle_since_s
        if now_s - self.idle_since_s > MAX_IDLE_S:
            raise StrategyError(
                "the strategy has nothing to do", why="no trial runs and it asks for none", fix="report this"
            )

    # --- what happened ----------------------------------------------------------------------------------------------

    def result(self, trial: str, segment: int, epoch: int, metrics: dict[str, Any]) -> Instruction:
        """Record a result and say what becomes of its placement."""
        live = self.state.live.get(trial)
        self._account(trial, metrics)
        if live is None or self.state.knows(trial, segment, epoch):
            return Instruction.STOP if live is None or self.ending is not None else Instruction.CONTINUE
        value = self._value(trial, metrics)
        if value is None:
            return Instruction.STOP
        decision = self._decide(live, epoch, value)
        leading, config = self.state.best, live.config
        self.emit(**_result_event(live, epoch, value, decision, metrics))
        if self.state.best != leading:
            self.best_config, self.best_test_mae_ev = config, metrics.get(TEST_MAE_EV)
        return self._execute(trial, epoch, decision)

    def _value(self, trial: str, metrics: dict[str, Any]) -> float | None:
        value = metrics.get(self.study.metric)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            if not self.metric_seen:
                names = sorted(k for k, v in metrics.items() if isinstance(v, (int, float)))
                self.end(
                    "hopeless", f"the trainable does not report '{self.study.metric}'; it reported: {', '.join(names)}"
                )
            self.failed(trial, "code", f"'{self.study.metric}' was not reported as a number, but as {value!r}")
            return None
        self.metric_seen = True
        if not math.isfinite(value):
            self.failed(trial, "diverged", f"{self.study.metric} is {value}")
            return None
        return float(value) if self.study.mode == "min" else -float(value)

    def _decide(self, live: Live, epoch: int, value: float) -> Decision:
        if live.phase == CONFIRM:
            return STOP if epoch >= self.study.epochs else GO
        return self.state.strategy.tell(live.id, epoch, value, self.clock.now_s())

    def _execute(self, trial: str, epoch: int, decision: Decision) -> Instruction:
        live = self.state.live.get(trial)
        action = decision.action
        if live is None or action == Action.STOP:
            self._placement_ended(trial)
            self._drop_surplus(trial)
            return Instruction.STOP
        if action == Action.EXPLOIT:
            self.queue.append(trial)
            self._placement_ended(trial)
            self._drop_surplus(trial)
            return Instruction.STOP
        save = (
            action == Action.SAVE or (action == Action.PAUSE and decision.checkpoint) or self.study.checkpoints == "all"
        )
        leave = action == Action.PAUSE or self.leaving
        if self.study.checkpoints == "none":
            save = False
        elif self.leaving:
            save = True
        if save:
            self.saving[trial] = (live.segment, epoch)
        if leave:
            if not save:
                self._placement_ended(trial)
            return Instruction.SAVE_AND_STOP if save else Instruction.STOP
        return Instruction.SAVE if save else Instruction.CONTINUE

    def saved(self, trial: str, path: str) -> None:
        """A checkpoint is on disk, at ``path`` relative to the run folder."""
        segment, epoch = self.saving.pop(trial)
        if (spent := self.spent.get(trial)) is not None:
            spent.checkpointing_s += self.clock.now_s() - spent.last_s
        self.emit(e="checkpoint", id=trial, seg=segment, epoch=epoch, path=path)
        self._drop_surplus(trial)

    def left_worker(self, trial: str) -> None:
        """The engine has taken a placement off its worker (after a save, say)."""
        self.saving.pop(trial, None)
        self._placement_ended(trial)

    def failed(self, trial: str, failure: str, message: str) -> None:
        """A trial has failed by its own fault: a row in the table."""
        live = self.state.live.get(trial)
        self.saving.pop(trial, None)
        if live is None:
            return
        self.emit(e="error", id=trial, seg=live.segment, epoch=live.epoch, failure=failure, message=message[-2000:])
        self._placement_ended(trial)
        self._drop_surplus(trial)
        failed, begun = self.state.counts["failed"], self.state.started  # paused trials count as good ones
        if self.state.failures_in_a_row >= self.study.max_failed_trials or (begun >= 10 and failed * 2 >= begun):
            first = self.state.failed_examples[0] if self.state.failed_examples else message
            self.end("hopeless", f"{failed} of {begun} trials failed; the first with: {first}")

    def finished_early(self, trial: str) -> None:
        """A trainable has ended by itself before the last epoch: no failure, and the end of the trial."""
        live = self.state.live.get(trial)
        if live is not None:
            self.emit(e="error", id=trial, seg=live.segment, epoch=live.epoch, failure="ended", message="")

    def lost(self, trial: str, message: str) -> None:
        """A worker or its node is gone: not the trial's fault, so it is tried again."""
        live = self.state.live.get(trial)
        self.saving.pop(trial, None)
        if live is None:
            return
        self.emit(e="lost", id=trial, seg=live.segment, epoch=live.epoch, message=message[-500:])
        self._placement_ended(trial)
        if live.losses >= MAX_LOSSES:
            self.failed(trial, "lost", f"its worker was lost {live.losses} times at epoch {live.epoch}: {message}")
        elif live.status == "running" and self.ending is None:
            self.queue.append(trial)

    # --- accounts and disk ------------------------------------------------------------------------------------------

    def _account(self, trial: str, metrics: Mapping[str, Any]) -> None:
        if (spent := self.spent.get(trial)) is not None:
            spent.epoch(self.clock.now_s(), metrics)

    def _placement_ended(self, trial: str) -> None:
        if (spent := self.spent.pop(trial, None)) is not None:
            self.emit(e="spent", id=trial, **spent.seconds())

    def _drop_surplus(self, trial: str) -> None:
        """Delete checkpoints that nobody will start from, the log first."""
        surplus = getattr(self.state.strategy, "surplus", None)
        useless = list(surplus()) if surplus is not None else []
        if self.state.phase_of(trial) == CONFIRM:
            mine = sorted(key for key in self.state.paths if key[0] == trial)
            useless += mine[:-1] if trial in self.state.live else mine
        if not useless:
            return
        starts = {t.start.path for t in self.state.live.values() if t.start is not None and t.status == "running"}
        for key in useless:
            path = self.state.paths.get(key)
            if path is not None and path not in starts:
                name, segment, epoch = key
                self.emit(e="drop", id=name, seg=segment, epoch=epoch, path=path)
                shutil.rmtree(self.folder.path / path, ignore_errors=True)


def _result_event(live: Live, epoch: int, value: float, decision: Decision, metrics: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = {"e": "result", "id": live.id, "seg": live.segment, "epoch": epoch, "value": value}
    event["d"] = str(decision.action)
    for key in ("rung", "cutoff", "rank", "size"):
        if (number := getattr(decision, key)) is not None:
            event[key] = number
    if (x := decision.exploit) is not None:
        event["x"] = {"donor": x.donor, "seg": x.segment, "epoch": x.epoch, "config": x.config}
    event["m"] = {k: v for k, v in metrics.items() if not isinstance(v, float) or math.isfinite(v)}
    return event


__all__ = ["Campaign", "Instruction", "Placement"]
