"""The state that a log adds up to: ``State.apply`` is called for every event, live and in replay alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from perch.log.by_hand import ByHand
from perch.log.curves import WELL, Curves
from perch.log.fresh_seeds import FreshSeeds
from perch.settled import Settled
from perch.strategies.strategy import STRATEGY_KINDS, Action, Strategy
from perch.vocabulary import INFEASIBLE, LOST, OUT_OF_MEMORY, REQUEST, STATUS_OF

SEARCH, CONFIRM = "search", "confirm"
KEPT = 5
"""Trials whose weights are kept: the best and the next four, an ensemble."""


@dataclass(slots=True)
class Save:
    """A checkpoint: where it lies (relative to the run folder) and what it holds."""

    path: str
    segment: int
    epoch: int


@dataclass(slots=True)
class Live:
    """A trial that may still report something."""

    id: str
    ordinal: int
    config: dict[str, Any]
    phase: str = SEARCH
    segment: int = 0
    epoch: int = 0
    """Last epoch recorded in the current segment (an exploit sets it to the donor's)."""
    status: str = "running"
    """running or paused."""
    start: Save | None = None
    """Where its next placement starts; None: from the beginning."""
    seed_key: str = ""
    losses: int = 0
    """Faults of machines since the last new result: lost workers and the like."""
    doubts: int = 0
    """Faults since the last new result that may be the machine's or the trial's own."""
    off: set[str] = field(default_factory=set)
    """Addresses of nodes that have broken it since the last new result."""
    kept: bool = False
    """Somebody has asked that it be trained to its last epoch, whatever the strategy says."""
    alone: bool = False
    """It ran out of memory on a GPU that it shared, and has reported nothing new since."""
    best: tuple[float, int] | None = None
    """Lowest value and its epoch."""
    of: str | None = None
    """Whose configuration is trained with a fresh seed; None: a trial of the search."""
    repeat: int = 0
    """Number of that seed, from 1."""
    settled: Settled | None = None
    """Of a training with a fresh seed: what it is judged by."""

    def has_reported(self, segment: int, epoch: int) -> bool:
        """True when that epoch is in the log already."""
        return segment < self.segment or (segment == self.segment and epoch <= self.epoch)


@dataclass(frozen=True, slots=True)
class Ended:
    """What is kept of a trial that has ended."""

    status: str
    best: tuple[float, int] | None
    phase: str
    of: str | None = None


class State:
    """The run as its log tells it, with the strategy kept in step."""

    def __init__(self, strategy: Strategy, epochs: int) -> None:
        self.strategy = strategy
        self.epochs = epochs
        self.live: dict[str, Live] = {}
        self.ended: dict[str, Ended] = {}
        self.counts: Counter[str] = Counter()
        """Search trials that ended, by status."""
        self.results = 0
        self.used_s = 0.0
        self.started = 0
        self.attempt = 0
        self.last_attempt: dict[str, Any] = {}
        """How the newest attempt began."""
        self.closed: str | None = None
        self.curves = Curves()
        """What is known of the search's curves."""
        self.fresh = FreshSeeds()
        """The trainings with fresh seeds, after the search."""
        self.searched_epochs = 0
        """Results of the search."""
        self.confirmed_s = 0.0
        """Consumed seconds that went into confirming before the budget was raised: a time budget is for the search."""
        self._confirming_since_s: float | None = None
        self.by_hand = ByHand()
        self.failures_in_a_row = 0
        self.failed_examples: list[str] = []
        self.last_failed: tuple[str, str] | None = None
        """The trial that failed last, and its message."""
        self.best: tuple[float, str, int] | None = None
        """Incumbent of the search: value, trial, epoch."""
        self.top: dict[str, float] = {}
        """The best trials of the search, at most ``KEPT``, with their lowest values."""
        self.keep_below = float("inf")
        """A trial's weights are worth keeping below this value: that of the fifth best so far."""
        self.exploits = 0
        """How often a trial went on from another's weights (PBT)."""
        self.paths: dict[tuple[str, int, int], str] = {}
        """(trial, segment, epoch) → checkpoint on disk, relative to the run folder."""
        self.rungs: dict[int, list[int]] = {}
        """Rung → [judged, went on]."""
        self._interrupted = self._lost = 0
        self.faults: Counter[str] = Counter()
        """Address of a node → placements that it broke by a fault of its own; a node that went away is none."""
        self.avoided: set[str] = set()
        """Addresses of nodes that are not used any more."""
        self._confirms = False
        """True once a trial of another phase than the search is in the log."""
        self._copied: set[str] = set()
        """Live trials that went on from another's weights, and may start from its checkpoint again."""
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "attempt": self._on_attempt, "trial": self._on_trial, "result": self._on_result, "promote": self._on_promote,
            "checkpoint": self._on_checkpoint, "drop": self._on_drop, "lost": self._on_lost, "error": self._on_error,
            "confirm": self._on_confirm, "close": self._on_close, "avoid": self._on_avoid, "keep": self._on_keep,
            "budget": self._on_budget, "end": self._on_end,
        }  # fmt: skip

    @property
    def confirming(self) -> list[str]:
        """Whose configurations are trained with fresh seeds; empty before that phase."""
        return self.fresh.entrants

    def confirming_for_s(self, now_s: float) -> float:
        """Consumed seconds that have gone into training with fresh seeds."""
        since_s = self._confirming_since_s
        return self.confirmed_s + (0.0 if since_s is None else max(now_s - since_s, 0.0))

    def apply(self, event: dict[str, Any]) -> None:
        """Take one event into account."""
        kind = event["e"]
        handler = self._handlers.get(kind)
        strategys = kind in STRATEGY_KINDS
        if strategys and self._confirms:
            strategys = kind == "budget" or self.phase_of(event["id"]) == SEARCH
        if kind == "trial" and event.get("phase", SEARCH) != SEARCH:
            strategys, self._confirms = False, True
        if handler is not None:
            handler(event)
        if REQUEST in event:
            self.by_hand.requests.add(event[REQUEST])
        self.used_s = max(self.used_s, event.get("used_s", 0.0))
        if strategys:
            self.strategy.applied(event)

    def knows(self, trial: str, segment: int, epoch: int) -> bool:
        """True when that epoch is in the log already (or its trial has ended)."""
        live = self.live.get(trial)
        return live is None or live.has_reported(segment, epoch)

    def phase_of(self, trial: str | None) -> str:
        """Search or confirm."""
        if (live := self.live.get(trial or "")) is not None:
            return live.phase
        ended = self.ended.get(trial or "")
        return ended.phase if ended is not None else SEARCH

    def interruptions(self, workers: int) -> float:
        """How often a trial has been interrupted, on average: attempts that ended early, and lost workers."""
        return self._interrupted + self._lost / max(workers, 1)

    def starts_from(self, owner: str, path: str) -> bool:
        """True when a running trial would start from that checkpoint of ``owner`` if its worker were lost now."""
        candidates = (owner, *self._copied) if self._copied else (owner,)
        for name in candidates:
            live = self.live.get(name)
            if live is not None and live.status == "running" and live.start is not None and live.start.path == path:
                return True
        return False

    # --- one method per kind of event -------------------------------------------------------------------------------

    def _on_attempt(self, event: dict[str, Any]) -> None:
        self.attempt, self.last_attempt = event["n"], event
        if budget := event.get("budget"):  # what its command allows, and what was changed by hand since
            self.strategy.applied({"e": "budget", **budget})
        self._interrupted += self.closed != "done" and event["n"] > 1
        self.closed = None
        if event.get("extends"):
            self.fresh.leave()
            self.by_hand.search_ended_s = None
            if self._confirming_since_s is not None:
                self.confirmed_s += self.used_s - self._confirming_since_s
                self._confirming_since_s = None
        for live in self.live.values():
            live.losses = live.doubts = 0
            live.off.clear()

    def _on_trial(self, event: dict[str, Any]) -> None:
        phase = event.get("phase", SEARCH)
        live = Live(event["id"], event["i"], event["config"], phase, seed_key=event.get("key", event["id"]))
        self.live[live.id] = live
        if phase == SEARCH:
            self.started = event["i"] + 1
            self.by_hand.added += event.get("by") == REQUEST
            self.curves.begin(live.id, live.ordinal, live.config)
        elif (of := event.get("of")) is not None:
            live.of, live.repeat, live.settled = of, event.get("repeat", 1), Settled(self.fresh.window)
            self.fresh.place(of, live.repeat)

    def _on_result(self, event: dict[str, Any]) -> None:
        live = self.live.get(event["id"])
        if live is None:
            return
        value, epoch = event["value"], event["epoch"]
        self.results += 1
        live.epoch, live.losses, live.doubts, live.alone = epoch, 0, 0, False
        live.off.clear()
        if live.best is None or value < live.best[0]:
            live.best = (value, epoch)
        if live.settled is not None:
            live.settled.add(value)
        if live.phase == SEARCH:
            self.failures_in_a_row = 0
            self.searched_epochs += 1
            self.curves.add(live.id, epoch, value, event.get("m", {}))
            if self.best is None or value < self.best[0]:
                self.best = (value, live.id, epoch)
            self._rank(live.id, value)
            if (rung := event.get("rung")) is not None:
                judged = self.rungs.setdefault(rung, [0, 0])
                judged[0] += 1
                judged[1] += event["d"] != Action.STOP
        match event["d"]:
            case Action.GO:
                return
            case Action.STOP:
                self._end(live, "completed" if epoch >= self.epochs else "stopped")
            case Action.PAUSE:
                live.status = "paused"
            case Action.EXPLOIT:
                self._exploit(live, event["x"])

    def _rank(self, trial: str, value: float) -> None:
        top = self.top
        if trial in top or len(top) < KEPT:
            top[trial] = min(value, top.get(trial, value))
        elif value < self.keep_below:
            del top[max(top, key=lambda t: top[t])]
            top[trial] = value
        else:
            return
        if len(top) == KEPT:
            self.keep_below = max(top.values())

    def _exploit(self, live: Live, x: dict[str, Any]) -> None:
        self.exploits += 1
        path = self.paths.get((x["donor"], x["seg"], x["epoch"]), "")
        live.config, live.epoch, live.segment = x["config"], x["epoch"], live.segment + 1
        live.start = Save(path, x["seg"], x["epoch"])
        self._copied.add(live.id)

    def _on_promote(self, event: dict[str, Any]) -> None:
        if (live := self.live.get(event["id"])) is not None:
            live.status = "running"

    def _on_checkpoint(self, event: dict[str, Any]) -> None:
        self.paths[(event["id"], event["seg"], event["epoch"])] = event["path"]
        live = self.live.get(event["id"])
        save = Save(event["path"], event["seg"], event["epoch"])
        if live is not None and save.segment == live.segment:
            live.start = save

    def _on_drop(self, event: dict[str, Any]) -> None:
        self.paths.pop((event["id"], event["seg"], event["epoch"]), None)
        live = self.live.get(event["id"])
        if live is not None and live.start is not None and live.start.path == event.get("path"):
            live.start = None

    def _on_lost(self, event: dict[str, Any]) -> None:
        if (live := self.live.get(event["id"])) is not None:
            self._lost += 1
            machines, failure = event.get("whose") != "unknown", event.get("failure", LOST)
            if (node := event.get("node")) and failure != OUT_OF_MEMORY:
                live.off.add(node)
                self.faults[node] += machines and failure != LOST
            live.alone = live.alone or event.get("alone", False)
            if machines:
                live.losses += 1
            else:
                live.doubts += 1

    def _on_avoid(self, event: dict[str, Any]) -> None:
        self.avoided.add(event["node"])

    def _on_error(self, event: dict[str, Any]) -> None:
        live = self.live.get(event["id"])
        if live is None:
            return
        status = STATUS_OF.get(event["failure"], "failed")
        if status == "failed":
            self.last_failed = (event["id"], event.get("message", ""))
        if live.phase == SEARCH and status == "failed":
            self.failures_in_a_row += 1
            if len(self.failed_examples) < 3:
                self.failed_examples.append(event.get("message", ""))
        elif live.phase == SEARCH and status not in ("stopped", INFEASIBLE):
            self.failures_in_a_row = 0
        self._end(live, status)

    def _on_confirm(self, event: dict[str, Any]) -> None:
        self.fresh.enter(event)
        self._confirming_since_s = event.get("used_s", self.used_s)

    def _on_keep(self, event: dict[str, Any]) -> None:
        if (live := self.live.get(event["id"])) is not None:
            live.kept, live.status = True, "running"

    def _on_budget(self, event: dict[str, Any]) -> None:
        """Somebody has changed the budget of the attempt that goes on."""
        budget = {"trials": event["trials"], "time": event["time"]}
        self.last_attempt = {**self.last_attempt, "budget": budget}

    def _on_end(self, event: dict[str, Any]) -> None:
        self.by_hand.search_ended_s = event["used_s"]

    def _on_close(self, event: dict[str, Any]) -> None:
        self.closed = event["why"]

    def _end(self, live: Live, status: str) -> None:
        if live.phase == SEARCH:
            self.counts[status] += 1
            self.curves.end(live.id, badly=status not in WELL)
        elif live.of is not None:
            value = None if live.settled is None else live.settled.value
            self.fresh.end(live.of, live.repeat, value, failed=status in ("failed", "diverged"))
        self.ended[live.id] = Ended(status, live.best, live.phase, live.of)
        self._copied.discard(live.id)
        del self.live[live.id]
