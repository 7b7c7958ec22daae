"""An engine whose time is simulated: N workers train what a campaign places, over given learning curves.

Seconds come from the curves and the named delays only, and ties break by an insertion counter, so equal arguments give
equal events. The machine's clock is never read.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from perch.campaign.placement import Instruction, Placement
from perch.campaign.seams import CampaignForEngine
from perch.errors import StrategyError, TrialError
from perch.simulate.curves import Curves
from perch.simulate.delays import Delays
from perch.simulate.interruptions import NONE, Interruptions
from perch.vocabulary import VALIDATION_MAE_EV


@dataclass(slots=True)
class VirtualClock:
    """Simulated seconds since the start of the run; the engine sets them."""

    suggest_s: float = 0.0
    """What every suggestion takes."""
    time_s: float = 0.0

    def now_s(self) -> float:
        """Simulated seconds now."""
        return self.time_s

    def cpu_s(self) -> float:
        """Nothing takes real time here."""
        return 0.0

    def ask_s(self, measured_s: float) -> float:
        """As simulated: how fast a searcher really was must not show in the log."""
        return self.suggest_s


class VirtualStore:
    """Checkpoints that are names only."""

    def __init__(self) -> None:
        self.paths: set[str] = set()

    def has(self, path: str) -> bool:
        """True when a checkpoint of that name was saved and not deleted."""
        return path in self.paths

    def delete(self, path: str) -> None:
        """Remove a checkpoint."""
        self.paths.discard(path)


@dataclass(slots=True)
class _Worker:
    """A worker and the placement that it trains."""

    placement: Placement
    epoch: int
    """Epochs behind the weights that it holds."""


class VirtualEngine:
    """Workers, and a heap of what happens next, keyed by (time, counter)."""

    def __init__(
        self,
        attempt: Callable[[], CampaignForEngine],
        clock: VirtualClock,
        store: VirtualStore,
        curves: Curves,
        workers: int,
        delays: Delays,
        interruptions: Interruptions = NONE,
    ) -> None:
        """``attempt`` makes the campaign of each attempt, on the same log and state."""
        self.attempt, self.clock, self.store, self.curves, self.delays = attempt, clock, store, curves, delays
        self.workers, self.interruptions = workers, interruptions
        self._interruptible = math.isfinite(interruptions.lost_every_s)
        self.heap: list[tuple[float, int, Callable[[_Worker], None], _Worker]] = []
        self.counter = 0
        self.epochs = 0
        """Epochs that workers have begun."""
        self._begin_attempt()

    def _begin_attempt(self) -> None:
        self.campaign = self.attempt()
        self.free = self.cold = self.campaign.worker_slots = self.workers
        """``cold`` workers have not trained anything yet: their first start is a slow one."""
        self.heap.clear()
        self._leave_s = self.clock.time_s + max(self.interruptions.walltime_s - self.interruptions.warning_s, 0.0)

    def fit(self) -> None:
        """Drive the campaign to its end."""
        for _ in self.steps():
            pass

    def steps(self, until_s: float = math.inf) -> Iterator[None]:
        """Drive the campaign to its end or to ``until_s``, pausing after everything that happens.

        Raises StrategyError when the strategy asks for nothing while nothing runs.
        """
        self.campaign.begin()
        while True:
            self._fill()
            yield
            if not self.heap:
                if self.campaign.ending == "interrupted":
                    self._next_attempt()
                    continue
                break
            next_s = self.heap[0][0]
            if next_s > self._leave_s and self._leave_s <= until_s:
                self._leave()
                continue
            if next_s > until_s:
                self.clock.time_s = until_s
                return
            self.clock.time_s, _, happens, worker = heapq.heappop(self.heap)
            happens(worker)
        if self.campaign.ending is None:
            raise StrategyError(
                "the strategy has nothing to do",
                why="no trial runs, and it neither asks for one nor says that it is done",
                fix="ask() must return a trial or DONE when nothing runs",
            )

    def _at(self, time_s: float, happens: Callable[[_Worker], None], worker: _Worker) -> None:
        self.counter += 1
        heapq.heappush(self.heap, (time_s, self.counter, happens, worker))

    # --- attempts ---------------------------------------------------------------------------------------------------

    def _leave(self) -> None:
        """The walltime is near: the first time tell all trials to leave, and after the warning end those that have not."""
        campaign, self.clock.time_s = self.campaign, self._leave_s
        if campaign.ending is None:
            campaign.end("interrupted", "walltime", self.interruptions.warning_s)
            self._leave_s += min(self.interruptions.warning_s, self.interruptions.walltime_s)
            return
        campaign.abandon()
        self._next_attempt()

    def _next_attempt(self) -> None:
        self._begin_attempt()
        self.campaign.begin()

    # --- one worker -------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Give every free worker something to do, as far as the campaign has something."""
        campaign = self.campaign
        while self.free:
            placement = campaign.next_placement(self.workers - self.free) or campaign.next_confirmation()
            if placement is None:
                return
            self.free -= 1
            worker = _Worker(placement, placement.start.epoch if placement.start is not None else 0)
            suggest_s = self.delays.suggest_s
            if suggest_s and campaign.state.live[placement.trial].epoch == 0:  # a new trial
                self._at(self.clock.time_s + suggest_s, self._begin, worker)
            else:
                self._begin(worker)

    def _begin(self, worker: _Worker) -> None:
        """The worker starts, and trains its first epoch. A worker that has trained before is taken first."""
        start_s = self.delays.turnover_s
        if self.free < self.cold:
            start_s, self.cold = self.delays.start_s, self.cold - 1
        if worker.placement.start is not None:
            start_s += self.delays.load_s
        self.campaign.begun(worker.placement.trial, idle_until_now=True)
        self._train(worker, self.clock.time_s + start_s)

    def _train(self, worker: _Worker, from_s: float) -> None:
        """Train one more epoch."""
        worker.epoch += 1
        placement = worker.placement
        seconds = self.curves.seconds(placement.config, placement.trial, worker.epoch)
        if self._interruptible:
            self.epochs += 1
            lost_s = self.interruptions.lost_after_s(self.epochs)
            if lost_s < seconds:
                self._at(from_s + lost_s, self._lost, worker)
                return
        self._at(from_s + seconds, self._report, worker)

    def _lost(self, worker: _Worker) -> None:
        """The worker is gone with the epoch that it was training; another stands in for it after a while."""
        self.campaign.lost(worker.placement.trial, "the simulated worker was lost")
        self._at(self.clock.time_s + self.interruptions.back_after_s, self._back, worker)

    def _back(self, worker: _Worker) -> None:
        self.free += 1
        self.cold += 1

    def _report(self, worker: _Worker) -> None:
        """An epoch has ended: report it, and do what the campaign says."""
        placement, epoch, campaign = worker.placement, worker.epoch, self.campaign
        try:
            metrics = self._metrics(placement, epoch)
        except TrialError as error:
            campaign.failed(placement.trial, "code", error.what)
            self.free += 1
            return
        match campaign.result(placement.trial, placement.segment, epoch, metrics):
            case Instruction.CONTINUE:
                self._train(worker, self.clock.time_s)
            case Instruction.SAVE:
                saved_s = self.clock.time_s + self.delays.save_s
                self._at(saved_s, self._saved, _Worker(placement, epoch))
                self._train(worker, saved_s)
            case Instruction.SAVE_AND_STOP:
                self._at(self.clock.time_s + self.delays.save_s, self._saved_and_left, worker)
            case Instruction.STOP:
                campaign.left_worker(placement.trial)
                self.free += 1

    def _metrics(self, placement: Placement, epoch: int) -> dict[str, Any]:
        metrics = self.curves.metrics(placement.config, placement.trial, epoch)
        if VALIDATION_MAE_EV not in metrics:
            metrics[VALIDATION_MAE_EV] = self.curves.value(placement.config, placement.trial, epoch)
        return metrics

    def _saved(self, worker: _Worker) -> None:
        placement = worker.placement
        path = f"{placement.trial}/{placement.segment}/{worker.epoch}"
        self.store.paths.add(path)
        self.campaign.saved(placement.trial, path)

    def _saved_and_left(self, worker: _Worker) -> None:
        self._saved(worker)
        self.campaign.left_worker(worker.placement.trial)
        self.free += 1
