"""The simulated driver: a virtual clock and N workers that execute any strategy over given learning curves.

No Ray and no wall clock: simulated seconds come from curves and named delays only, ties break by an insertion counter,
so equal arguments give equal events. The events are those of a real run's log.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import Any

from perch.errors import StrategyError, TrialError
from perch.simulate.curves import Curves
from perch.simulate.delays import Delays, SimulatedTrial
from perch.strategies.strategy import Action, Checkpoint, Decision, Done, Exploit, New, Resume, Strategy

STRATEGY_KINDS = frozenset({"trial", "promote", "result", "checkpoint", "drop", "error"})
"""Kinds of events that a strategy is told."""


def simulate(
    strategy: Strategy,
    curves: Curves,
    *,
    workers: int,
    time_s: float | None = None,
    delays: Delays | None = None,
) -> Iterator[dict[str, Any]]:
    """Run a strategy to its end, or to ``time_s``, and yield the events of its log as they happen.

    Raises StrategyError when the strategy asks for nothing while nothing runs, resumes a trial that does not wait, or
    exploits a checkpoint that is not there.
    """
    machine = _Machine(strategy, curves, workers, delays or Delays())
    yield from machine.run(math.inf if time_s is None else time_s)


class _Machine:
    """Workers, and a heap of what happens next, keyed by (time, counter)."""

    def __init__(self, strategy: Strategy, curves: Curves, workers: int, delays: Delays) -> None:
        self.strategy, self.curves, self.delays = strategy, curves, delays
        self.free = self.cold = self.workers = workers
        self.now_s = 0.0
        self.heap: list[tuple[float, int, str, str, int]] = []
        self.counter = 0
        self.trials: dict[str, SimulatedTrial] = {}
        self.started = self.results = 0
        self.saves: set[Checkpoint] = set()
        self.out: list[dict[str, Any]] = []
        self.done = False

    def run(self, time_s: float) -> Iterator[dict[str, Any]]:
        """All events up to ``time_s``."""
        self._emit(e="attempt", n=1, accepts_bytes={}, workers=self.workers)
        while True:
            self._fill()
            yield from self._flush()
            if not self.heap:
                break
            if self.heap[0][0] > time_s:
                self.now_s, self.done = time_s, False
                break
            self.now_s, _, kind, trial, epoch = heapq.heappop(self.heap)
            if kind == "epoch":
                self._epoch(self.trials[trial])
            elif kind == "saved":
                self._saved(trial, epoch)
            elif kind == "begin":
                self._begin(self.trials[trial])
            else:
                self.free += 1
        self._emit(e="close", why="done" if self.done else "budget")
        yield from self._flush()

    def _flush(self) -> Iterator[dict[str, Any]]:
        out, self.out = self.out, []
        yield from out

    def _emit(self, **event: Any) -> None:
        event["used_s"] = self.now_s
        self.out.append(event)
        if event["e"] in STRATEGY_KINDS:
            self.strategy.applied(event)

    def _at(self, time_s: float, kind: str, trial: str = "", epoch: int = 0) -> None:
        self.counter += 1
        heapq.heappush(self.heap, (time_s, self.counter, kind, trial, epoch))

    # --- placing ----------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Give every free worker something to do, as far as the strategy has something."""
        while self.free:
            answer = self.strategy.ask(self.now_s)
            if isinstance(answer, New):
                self._new(answer)
            elif isinstance(answer, Resume):
                self._resume(answer.trial)
            else:
                self.done = isinstance(answer, Done)
                if not self.heap and not self.done:
                    raise StrategyError(
                        "the strategy has nothing to do",
                        why="no trial runs, and it neither asks for one nor says that it is done",
                        fix="ask() must return a trial or DONE when nothing runs",
                    )
                return

    def _new(self, new: New) -> None:
        trial = SimulatedTrial(f"{self.started:05d}", dict(new.config))
        event: dict[str, Any] = {"e": "trial", "id": trial.id, "i": self.started, "config": trial.config}
        event.update(bracket=new.bracket, by=new.by, seen=self.results, ask_s=self.delays.suggest_s)
        if new.note:
            event["note"] = dict(new.note)
        self.trials[trial.id] = trial
        self.started += 1
        self._emit(**event)
        self._place(trial, self.delays.suggest_s)

    def _resume(self, name: str) -> None:
        trial = self.trials.get(name)
        if trial is None or not trial.paused:
            raise StrategyError(
                f"trial {name} cannot be resumed",
                why="it does not wait: only a trial whose last decision was to pause does",
                fix="ask() must resume paused trials only",
            )
        trial.paused = False
        self._emit(e="promote", id=trial.id, rung=trial.reported)
        self._place(trial, max(trial.saved_at_s - self.now_s, 0.0))

    def _place(self, trial: SimulatedTrial, wait_s: float) -> None:
        """A worker takes a stretch of a trial, and begins it once its configuration or its checkpoint is there."""
        self.free -= 1
        if wait_s:
            self._at(self.now_s + wait_s, "begin", trial.id)
        else:
            self._begin(trial)

    def _begin(self, trial: SimulatedTrial, *, same_worker: bool = False) -> None:
        start_s = self.delays.turnover_s
        if self.cold and not same_worker:
            start_s, self.cold = self.delays.start_s, self.cold - 1
        start = trial.start
        if start is not None and start not in self.saves:
            start = trial.start = None
        trial.trained = start[2] if start else 0
        start_s += self.delays.load_s if start else 0.0
        self._emit(e="start", id=trial.id, seg=trial.segment, **({"from": {"epoch": start[2]}} if start else {}))
        trial.spent = {"starting_s": start_s, "training_s": 0.0, "evaluating_s": 0.0, "checkpointing_s": 0.0}
        while trial.trained < trial.reported:  # its checkpoint was given up: these epochs are in the log already
            start_s += self._train(trial)
        self._at(self.now_s + start_s + self._train(trial), "epoch", trial.id)

    def _train(self, trial: SimulatedTrial) -> float:
        """Train one more epoch, and say how long it takes."""
        trial.trained += 1
        seconds = self.curves.seconds(trial.config, trial.id, trial.trained)
        trial.spent["training_s"] += seconds
        return seconds

    # --- what happens -----------------------------------------------------------------------------------------------

    def _epoch(self, trial: SimulatedTrial) -> None:
        """An epoch has ended: report it, and do what the strategy decides."""
        epoch = trial.trained
        try:
            value = self.curves.value(trial.config, trial.id, epoch)
            metrics = self.curves.metrics(trial.config, trial.id, epoch)
        except TrialError as error:
            self._fail(trial, "code", error.what)
            return
        if not math.isfinite(value):
            self._fail(trial, "diverged", f"the value is {value}")
            return
        decision = self.strategy.tell(trial.id, epoch, value, self.now_s)
        event: dict[str, Any] = {"e": "result", "id": trial.id, "seg": trial.segment, "epoch": epoch, "value": value}
        event["d"] = str(decision.action)
        for key in ("rung", "cutoff", "rank", "size"):
            if (number := getattr(decision, key)) is not None:
                event[key] = number
        if (x := decision.exploit) is not None:
            event["x"] = {"donor": x.donor, "seg": x.segment, "epoch": x.epoch, "config": x.config}
        event["m"] = metrics
        trial.reported = epoch
        self.results += 1
        self._emit(**event)
        self._execute(trial, decision)

    def _execute(self, trial: SimulatedTrial, decision: Decision) -> None:
        match decision.action:
            case Action.GO:
                self._at(self.now_s + self._train(trial), "epoch", trial.id)
            case Action.SAVE:
                self._save(trial)
                self._at(trial.saved_at_s + self._train(trial), "epoch", trial.id)
            case Action.PAUSE:
                trial.paused = True
                if decision.checkpoint:
                    self._save(trial)
                self._leave(trial, self.delays.save_s if decision.checkpoint else 0.0)
            case Action.STOP:
                self._leave(trial, 0.0)
                self._drop_surplus()
            case Action.EXPLOIT:
                assert decision.exploit is not None
                self._exploit(trial, decision.exploit)

    def _save(self, trial: SimulatedTrial) -> None:
        trial.saved_at_s = self.now_s + self.delays.save_s
        trial.spent["checkpointing_s"] += self.delays.save_s
        self._at(trial.saved_at_s, "saved", trial.id, trial.reported)

    def _saved(self, name: str, epoch: int) -> None:
        trial = self.trials[name]
        checkpoint = (name, trial.segment, epoch)
        self.saves.add(checkpoint)
        trial.start = checkpoint
        self._emit(e="checkpoint", id=name, seg=trial.segment, epoch=epoch, path="/".join(map(str, checkpoint)))
        self._drop_surplus()

    def _exploit(self, trial: SimulatedTrial, x: Exploit) -> None:
        """The worker goes on with the donor's weights and the new configuration."""
        source = (x.donor, x.segment, x.epoch)
        if source not in self.saves:
            raise StrategyError(
                f"trial {trial.id} exploits a checkpoint that is not there",
                why=f"no checkpoint of {x.donor}, segment {x.segment}, epoch {x.epoch} is in the log",
                fix="choose donors among logged checkpoints, and do not call those surplus",
            )
        self._spent(trial)
        trial.segment, trial.reported, trial.start, trial.config = trial.segment + 1, x.epoch, source, dict(x.config)
        self._begin(trial, same_worker=True)

    def _fail(self, trial: SimulatedTrial, failure: str, message: str) -> None:
        epoch = trial.reported
        self._emit(e="error", id=trial.id, seg=trial.segment, epoch=epoch, failure=failure, message=message)
        self._leave(trial, 0.0)
        self._drop_surplus()

    def _leave(self, trial: SimulatedTrial, after_s: float) -> None:
        self._spent(trial)
        self._at(self.now_s + after_s, "free")

    def _spent(self, trial: SimulatedTrial) -> None:
        self._emit(e="spent", id=trial.id, **trial.spent)

    def _drop_surplus(self) -> None:
        """Delete what nobody needs; a running trial's start is deleted only once it has left a newer one."""
        for checkpoint in self.strategy.surplus():
            if checkpoint in self.saves:
                self.saves.remove(checkpoint)
                name, segment, epoch = checkpoint
                path = "/".join(map(str, checkpoint))
                self._emit(e="drop", id=name, seg=segment, epoch=epoch, path=path)
