"""A run in motion: asks the strategy, writes the log, keeps the state. The only code that places, judges, saves and drops.

It knows no Ray, no torch, no files and no machine's clock; ``perch.campaign.seams`` states what it is connected to and
which of its methods an engine calls. Every change is an event first: it is logged, then applied to the state.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perch.campaign.confirmation import Confirmation
from perch.campaign.insurance import LARGEST_SHARE, Insurance, mean_between_s
from perch.campaign.leaving import Stay
from perch.campaign.placement import Instruction, Placement
from perch.campaign.rules import Rules
from perch.campaign.seams import CheckpointStore, Clock, Log
from perch.campaign.spent import Spent
from perch.errors import StrategyError
from perch.formatting import gist
from perch.log.state import CONFIRM, SEARCH, Live, State
from perch.strategies.strategy import GO, STOP, Action, Decision, Done, New, Resume
from perch.vocabulary import TEST_MAE_EV

MAX_LOSSES = {"machine": 3, "unknown": 2}
"""A trial that meets so many faults of a kind without a new epoch between has failed: it may be what causes them."""

MOST_FAULTS = 3
"""A node that has broken so many placements by a fault of its own is avoided for the rest of the run."""

HANGING_EPOCHS, SHORTEST_LIMIT_S = 20, 600.0
"""Unless the study says otherwise, an epoch hangs that takes 20 times the median, and ten minutes at least."""

STARTUP_MARGIN_S = 60.0
"""A program that reports nothing in time has so long to say so itself before it counts as hanging."""

MAX_IDLE_S = 120.0
"""Consumed seconds after which a strategy that asks for nothing while nothing runs counts as stuck."""


@dataclass
class Campaign:
    """See the module. ``worker_slots`` is how many placements run at once; the engine keeps it true."""

    rules: Rules
    state: State
    log: Log
    clock: Clock
    store: CheckpointStore
    confirmation: Confirmation
    worker_slots: int = 1
    ending: str | None = None
    """Why nothing more is placed: ``done``, ``interrupted``, ``hopeless``, ``failed``, ``superseded``."""
    why: str = ""
    queue: deque[str] = field(default_factory=deque)
    """Trials that wait for a worker, before anything that the strategy asks for."""
    saving: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Trial → (segment, epoch) that its worker is saving now."""
    spent: dict[str, Spent] = field(default_factory=dict)
    """Trial → worker seconds of its placement so far."""
    metric_seen: bool = False
    suggesting_s: float = 0.0
    best_config: dict[str, Any] = field(default_factory=dict)
    best_test_mae_ev: float | None = None
    idle_since_s: float | None = None
    stay: Stay | None = None
    """How long an attempt that is to leave stays; None: it is not to leave."""
    epochs_s: deque[float] = field(default_factory=lambda: deque(maxlen=101))
    """How long the last epochs of all trials took."""
    failure: BaseException | None = None
    """An error of Perch itself inside a callback of the engine, which the engine would ignore."""

    def __post_init__(self) -> None:
        self.insurance = Insurance(self.rules.insure_s, self.rules.insure_strictly)
        self._saves_on_demand_only = self.rules.insure_s is None and self.rules.checkpoints != "all"

    # --- writing ----------------------------------------------------------------------------------------------------

    def emit(self, **event: Any) -> None:
        """Log an event, then take it into account."""
        self._write(event)

    def _write(self, event: dict[str, Any]) -> None:
        event["used_s"] = round(self.clock.now_s(), 4)
        self.log.append(event)
        self.state.apply(event)

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
        budget_s = self.rules.time_s
        return budget_s is not None and self.clock.now_s() - self.state.confirmed_s >= budget_s

    @property
    def leaving(self) -> bool:
        """True when running placements save and go at their next result, whatever the strategy says."""
        if self.ending is not None:
            return True
        return self.rules.time_s is not None and self.time_is_up and not self.state.confirming

    def end(self, ending: str, why: str, stay_s: float | None = None) -> None:
        """Place nothing more; the first reason stands. ``stay_s``: seconds that the attempt may stay, if that is known."""
        if self.ending is None:
            self.ending, self.why = ending, why
        if self.stay is None and ending != "done":
            now_s = self.clock.now_s()
            self.stay = Stay(now_s, None if stay_s is None else now_s + stay_s)

    @property
    def epoch_s(self) -> float | None:
        """How long an epoch takes: the median of the last ones; None before there was one."""
        return statistics.median(self.epochs_s) if self.epochs_s else None

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

        A trial hangs whose epoch takes longer than ``Rules.epoch_limit_s``. Once the search has consumed its time, the
        others are overdue that are not worth waiting for.
        """
        now_s, limit_s = self.clock.now_s(), self.epoch_limit_s
        found = {t: True for t, spent in self.spent.items() if spent.up_s and now_s - spent.epoch_began_s > limit_s}
        if self.ending is None and self.rules.time_s is not None and self.time_is_up and not self.state.confirming:
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
        if self.stay is None and self.rules.time_s is not None and self.time_is_up and not self.state.confirming:
            over_s = self.rules.time_s + self.state.confirmed_s
            return Stay(over_s)
        return self.stay

    # --- work for a free worker -------------------------------------------------------------------------------------

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
                    return self._new(answer)
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
                self.end("done", "the budget is spent" if self.time_is_up else "every trial has ended")
                return None
            return self._confirm(job)
        return None

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

    def _new(self, new: New) -> Placement:
        ordinal = self.state.started
        name = f"{ordinal:05d}"
        event: dict[str, Any] = {"e": "trial", "id": name, "i": ordinal, "config": new.config, "bracket": new.bracket}
        event.update(by=new.by, seen=self.state.results, ask_s=round(self.clock.ask_s(new.ask_s), 4))
        if new.note:
            event["note"] = dict(new.note)
        self._write(event)
        return self._placement(self.state.live[name])

    def _confirm(self, job: dict[str, Any]) -> Placement:
        self.emit(e="trial", phase=CONFIRM, **job)
        return self._placement(self.state.live[job["id"]])

    def _placement(self, live: Live) -> Placement:
        start = live.start
        if start is not None and not self.store.has(start.path):
            self.emit(e="drop", id=live.id, seg=start.segment, epoch=start.epoch, path=start.path, why="missing")
            live.start = start = None
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

    # --- what happened ----------------------------------------------------------------------------------------------

    def result(self, trial: str, segment: int, epoch: int, metrics: dict[str, Any]) -> Instruction:
        """Record a result and say what becomes of its placement."""
        live = self.state.live.get(trial)
        known = live is not None and live.has_reported(segment, epoch)
        if (spent := self.spent.get(trial)) is not None:
            spent.epoch(self.clock.now_s(), metrics, known=known)
            self.epochs_s.append(spent.epoch_s)
        if live is None:
            return Instruction.STOP
        if known:
            return self._carry_on(live, segment, epoch)
        value = self._value(trial, metrics)
        if value is None:
            return Instruction.STOP
        decision = self._decide(live, epoch, value)
        leading, config = self.state.best, live.config
        self._write(_result_event(live, epoch, value, decision, metrics))
        if self.state.best != leading:
            self.best_config, self.best_test_mae_ev = config, metrics.get(TEST_MAE_EV)
        return self._execute(live, epoch, decision)

    def _value(self, trial: str, metrics: dict[str, Any]) -> float | None:
        metric = self.rules.metric
        value = metrics.get(metric)
        if type(value) is not float and (not isinstance(value, (int, float)) or isinstance(value, bool)):
            if not self.metric_seen:
                names = sorted(k for k, v in metrics.items() if isinstance(v, (int, float)))
                self.end("hopeless", f"the trainable does not report '{metric}'; it reported: {', '.join(names)}")
            self.failed(trial, "code", f"'{metric}' was not reported as a number, but as {value!r}")
            return None
        self.metric_seen = True
        if not math.isfinite(value):
            self.failed(trial, "diverged", f"{metric} is {value}")
            return None
        return float(value) if self.rules.mode == "min" else -float(value)

    def _decide(self, live: Live, epoch: int, value: float) -> Decision:
        if live.phase == CONFIRM:
            return STOP if epoch >= self.rules.epochs else GO
        decision = self.state.strategy.tell(live.id, epoch, value, self.clock.now_s())
        x = decision.exploit
        if x is not None and (x.donor, x.segment, x.epoch) not in self.state.paths:
            raise StrategyError(
                f"trial {live.id} exploits a checkpoint that is not there",
                why=f"no checkpoint of {x.donor}, segment {x.segment}, epoch {x.epoch} is in the log",
                fix="choose donors among logged checkpoints, and do not call those surplus",
            )
        return decision

    def _execute(self, live: Live, epoch: int, decision: Decision) -> Instruction:
        action, trial = decision.action, live.id
        if action is Action.STOP or action is Action.EXPLOIT:
            if action is Action.EXPLOIT:
                self.queue.append(trial)
            self._placement_ended(trial)
            self._drop_surplus(trial)
            return Instruction.STOP
        if action is Action.GO:
            return self._carry_on(live, live.segment, epoch)
        save = action is Action.SAVE or decision.checkpoint
        return self._carry_on(live, live.segment, epoch, save=save, leave=action is Action.PAUSE)

    def _carry_on(
        self, live: Live, segment: int, epoch: int, *, save: bool = False, leave: bool = False
    ) -> Instruction:
        """What a trial that has not ended does next; it saves where it must leave, or where insurance is due."""
        if self._saves_on_demand_only and not save and not leave and not self.leaving:
            return Instruction.CONTINUE
        leaving, checkpoints = self.leaving, self.rules.checkpoints
        save = save or leaving or checkpoints == "all" or self._insurance_due(live.id)
        save = save and checkpoints != "none" and segment == live.segment
        if save:
            self.saving[live.id] = (segment, epoch)
        if leaving or leave:
            if not save:
                self._placement_ended(live.id)
            return Instruction.SAVE_AND_STOP if save else Instruction.STOP
        return Instruction.SAVE if save else Instruction.CONTINUE

    def _insurance_due(self, trial: str) -> bool:
        """True when another epoch would leave more work unsaved than it should."""
        spent = self.spent.get(trial)
        if self.insurance.longest_s is None or spent is None or trial in self.saving:
            return False
        unsaved_s = spent.unsaved_s + spent.epoch_s
        if unsaved_s < self.insurance.save_s / LARGEST_SHARE and not self.insurance.strict:
            return False
        between_s = mean_between_s(self.clock.now_s(), self.state.interruptions(self.worker_slots))
        return unsaved_s > self.insurance.interval_s(between_s)

    def saved(self, trial: str, path: str) -> None:
        """A checkpoint is written; ``path`` is what the store knows it by."""
        segment, epoch = self.saving.pop(trial)
        if (spent := self.spent.get(trial)) is not None:
            self.insurance.saved(spent.saved(self.clock.now_s()))
        self.emit(e="checkpoint", id=trial, seg=segment, epoch=epoch, path=path)
        self._drop_surplus(trial)

    def offered(self, trial: str, segment: int, path: str) -> None:
        """A checkpoint that nobody asked for: a function trainable has reported it with its last epoch."""
        live = self.state.live.get(trial)
        if live is not None and segment == live.segment and live.epoch > 0:
            self.saving[trial] = (segment, live.epoch)
            self.saved(trial, path)
        elif live is None and self.rules.keeps_reported and self.state.phase_of(trial) == CONFIRM:
            self.emit(e="checkpoint", id=trial, seg=segment, epoch=self.rules.epochs, path=path)
            self._drop_surplus(trial)
        else:
            self.store.delete(path)

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
        most = self.rules.max_failed_trials
        if most is not None and (self.state.failures_in_a_row >= most or (begun >= 10 and failed * 2 >= begun)):
            first = self.state.failed_examples[0] if self.state.failed_examples else message
            self.end("hopeless", f"{failed} of {begun} trials failed; the first with: {gist(first)}")

    def evicted(self, trial: str, *, hangs: bool = False) -> None:
        """The engine has ended a placement that was overdue. A trial that hangs has failed; another has not ended."""
        spent = self.spent.get(trial)
        if spent is not None:
            spent.cut_off(self.clock.now_s())
        if hangs:
            self.failed(trial, "hung", f"an epoch took longer than {self.epoch_limit_s:.0f} s (epoch_limit)")
        self.left_worker(trial)

    def abandon(self) -> None:
        """The engine is gone: account for the placements that it held."""
        for trial in list(self.spent):
            self.evicted(trial)

    def withdrawn(self, trial: str) -> None:
        """The engine has taken a placement back whose worker cannot come any more; it is made anew."""
        self._placement_ended(trial)
        self.queue.append(trial)

    def suspects(self, present: Sequence[str]) -> list[str]:
        """Addresses of nodes that have broken several trials by faults of their own; never the last one ``present``.

        ``present``: addresses of the nodes that take a trial.
        """
        state = self.state
        usable = [node for node in present if node not in state.avoided]
        found = [node for node in usable if state.faults[node] >= MOST_FAULTS]
        return found if len(found) < len(usable) else []

    def finished_early(self, trial: str) -> None:
        """A trainable has ended by itself before the last epoch: the end of the trial, and a failure only if it said nothing."""
        live = self.state.live.get(trial)
        if live is not None and live.best is None:
            self.failed(trial, "code", f"it ended without reporting '{self.rules.metric}'")
        elif live is not None:
            self.emit(e="error", id=trial, seg=live.segment, epoch=live.epoch, failure="ended", message="")

    def faulted(
        self, trial: str, failure: str, whose: str, message: str, node: str | None = None, *, alone: bool = False
    ) -> None:
        """A stretch of a trial ended in an error: ``whose`` it is decides (``trial``, ``machine`` or ``unknown``)."""
        if whose == "trial":
            self.failed(trial, failure, message)
        else:
            self.lost(trial, message, failure=failure, whose=whose, node=node, alone=alone)

    def lost(
        self, trial: str, message: str, *, failure: str = "lost", whose: str = "machine", node: str | None = None,
        alone: bool = False,
    ) -> None:  # fmt: skip
        """A worker, its node or something of it is broken: not the trial's fault, or not surely, so it is tried again.

        ``node``: the address of the machine on which it happened, where it is known. ``alone``: it may be a neighbour's on the
        same GPU, so that it is tried again without any.
        """
        live = self.state.live.get(trial)
        self.saving.pop(trial, None)
        if live is None:
            return
        where: dict[str, Any] = {**({"node": node} if node else {}), **({"alone": True} if alone else {})}
        seg, epoch = live.segment, live.epoch
        self.emit(
            e="lost", id=trial, seg=seg, epoch=epoch, failure=failure, whose=whose, **where, message=message[-500:]
        )
        self._placement_ended(trial)
        met = live.doubts if whose == "unknown" else live.losses
        if met >= MAX_LOSSES[whose]:
            self.failed(trial, failure, f"{failure}, {met} times at epoch {live.epoch}: {message}")
        elif live.status == "running" and self.ending is None:
            self.queue.append(trial)

    # --- accounts and checkpoints -----------------------------------------------------------------------------------

    def _placement_ended(self, trial: str) -> None:
        if (spent := self.spent.pop(trial, None)) is not None:
            self.emit(e="spent", id=trial, **spent.event())

    def _drop_surplus(self, trial: str) -> None:
        """Delete checkpoints that nobody will start from, the log first."""
        useless = self.state.strategy.surplus()
        if self.state.phase_of(trial) == CONFIRM:
            useless = (*useless, *self._surplus_of_fresh(trial))
        for key in useless:
            path = self.state.paths.get(key)
            if path is not None and not self.state.starts_from(key[0], path):
                name, segment, epoch = key
                self.emit(e="drop", id=name, seg=segment, epoch=epoch, path=path)
                self.store.delete(path)

    def _surplus_of_fresh(self, trial: str) -> list[tuple[str, int, int]]:
        """Checkpoints of a training with a fresh seed, but the newest while it trains, and its best where that is kept."""
        mine = sorted(key for key in self.state.paths if key[0] == trial)
        trains = trial in self.state.live
        kept = set(mine[-1:]) if trains or self.rules.keeps_reported else set()
        best = (self.state.live[trial] if trains else self.state.ended[trial]).best
        if self.rules.keeps_reported and best is not None and (found := [k for k in mine if k[2] == best[1]]):
            kept = {*(kept if trains else ()), found[-1]}
        return [key for key in mine if key not in kept]


def _result_event(
    live: Live, epoch: int, value: float, decision: Decision, metrics: Mapping[str, Any]
) -> dict[str, Any]:
    event: dict[str, Any] = {"e": "result", "id": live.id, "seg": live.segment, "epoch": epoch, "value": value}
    event["d"] = decision.action._value_
    if decision.rung is not None:
        event["rung"] = decision.rung
    if decision.cutoff is not None:
        event["cutoff"] = decision.cutoff
    if decision.rank is not None:
        event["rank"] = decision.rank
    if decision.size is not None:
        event["size"] = decision.size
    if (x := decision.exploit) is not None:
        event["x"] = {"donor": x.donor, "seg": x.segment, "epoch": x.epoch, "config": x.config}
    event["m"] = {k: v for k, v in metrics.items() if not isinstance(v, float) or math.isfinite(v)}
    return event
