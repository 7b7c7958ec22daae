"""What a run in motion keeps: the log that is written before anything else, the state, the worker seconds, the checkpoints."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from perch.campaign.confirmation import Confirmation
from perch.campaign.insurance import Insurance
from perch.campaign.leaving import Stay
from perch.campaign.rules import Rules
from perch.campaign.seams import CheckpointStore, Clock, Log
from perch.campaign.spent import Spent
from perch.log.state import CONFIRM, State
from perch.strategies.strategy import New


def takes_all(config: Mapping[str, Any]) -> str | None:
    """Every configuration is started."""
    return None


@dataclass
class Books:
    """Log, state and accounts of a run in motion. ``worker_slots`` is how many placements run at once; the engine keeps it true."""

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
    refuses: Callable[[Mapping[str, Any]], str | None] = takes_all
    """Why a configuration is not started, though it was asked for; None: it is."""
    refused_in_a_row: int = 0
    epochs_s: deque[float] = field(default_factory=lambda: deque(maxlen=101))
    """How long the last epochs of all trials took."""
    failure: BaseException | None = None
    """An error of Perch itself inside a callback of the engine, which the engine would ignore."""

    def __post_init__(self) -> None:
        self.insurance = Insurance(self.rules.insure_s, self.rules.insure_strictly)
        self._saves_on_demand_only = self.rules.insure_s is None and self.rules.checkpoints != "all"

    def emit(self, **event: Any) -> None:
        """Log an event, then take it into account."""
        self._write(event)

    def _write(self, event: dict[str, Any]) -> None:
        event["used_s"] = round(self.clock.now_s(), 4)
        self.log.append(event)
        self.state.apply(event)

    def _write_trial(self, new: New, **more: Any) -> str:
        """Log a trial of the search that begins; returns its id."""
        ordinal = self.state.started
        name = f"{ordinal:05d}"
        event: dict[str, Any] = {"e": "trial", "id": name, "i": ordinal, "config": new.config, "bracket": new.bracket}
        event.update(by=new.by, seen=self.state.results, ask_s=round(self.clock.ask_s(new.ask_s), 4), **more)
        if new.note:
            event["note"] = dict(new.note)
        self._write(event)
        return name

    @property
    def time_is_up(self) -> bool:
        """True once the search has consumed its time, or somebody has ended it."""
        if self.state.by_hand.search_ended_s is not None:
            return True
        budget_s = self.rules.time_s
        return budget_s is not None and self.clock.now_s() - self.state.confirmed_s >= budget_s

    @property
    def leaving(self) -> bool:
        """True when running placements save and go at their next result, whatever the strategy says."""
        if self.ending is not None:
            return True
        return self.time_is_up and not self.state.confirming

    def end(self, ending: str, why: str, stay_s: float | None = None) -> None:
        """Place nothing more; the first reason stands. ``stay_s``: seconds that the attempt may stay, if that is known."""
        if self.ending is None:
            self.ending, self.why = ending, why
        if self.stay is None and ending != "done":
            now_s = self.clock.now_s()
            self.stay = Stay(now_s, None if stay_s is None else now_s + stay_s)

    def overrule(self, ending: str, why: str) -> None:
        """What has ended the attempt whatever was said before: a full disk, a newer attempt, the death of Ray."""
        self.ending, self.why = ending, why

    @property
    def epoch_s(self) -> float | None:
        """How long an epoch takes: the median of the last ones; None before there was one."""
        return statistics.median(self.epochs_s) if self.epochs_s else None

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
