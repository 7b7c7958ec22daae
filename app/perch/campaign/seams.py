"""What a campaign is connected to: an engine that trains, a log that keeps its events, a store of checkpoints, a clock.

Ray Tune (``perch.engine.tune``), the inline engine (``perch.engine.inline``) and the virtual clock
(``perch.simulate.virtual_clock``) are engines. ``fit`` of each drives a campaign until nothing runs and nothing more is
placed, and all that it may use of the campaign stands in ``CampaignForEngine``; each calls what it has a use for.

What somebody asks of a run by hand (``perch.campaign.asked``) is no engine's business: whoever drives the engine calls those.
``Campaign.refuses`` says why a configuration is not started (it does not fit the device); whoever opens an attempt sets it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, Protocol

from perch.campaign.placement import Instruction, Placement
from perch.log.state import State


class CampaignForEngine(Protocol):
    """A campaign as an engine sees it."""

    worker_slots: int
    """How many placements run at once: kept true by the engine, or, where nodes come and go, by whoever drives it."""
    failure: BaseException | None
    """An error of Perch itself that the engine would ignore, left here by the engine."""

    @property
    def ending(self) -> str | None:
        """Not None: place nothing more."""
        ...

    @property
    def saving(self) -> Container[str]:
        """The trials whose workers are saving."""
        ...

    @property
    def state(self) -> State:
        """What the log's events add up to; for reading."""
        ...

    def begin(self) -> None:
        """Once, before anything else."""
        ...

    def next_placement(self, busy: int) -> Placement | None:
        """A worker is free. ``busy``: placements that the engine holds."""
        ...

    def next_confirmation(self) -> Placement | None:
        """A worker is free, and ``next_placement`` gave none."""
        ...

    def begun(self, trial: str, *, idle_until_now: bool = False) -> None:
        """A worker has taken its placement up. ``idle_until_now``: the time until here was no part of its start."""
        ...

    def result(self, trial: str, segment: int, epoch: int, metrics: dict[str, Any]) -> Instruction:
        """A placement has reported an epoch; the engine does what the instruction says."""
        ...

    def saved(self, trial: str, path: str) -> None:
        """The checkpoint that an instruction asked for is written."""
        ...

    def offered(self, trial: str, segment: int, path: str) -> None:
        """The trainable left a checkpoint that no instruction asked for."""
        ...

    def left_worker(self, trial: str) -> None:
        """A placement is off its worker."""
        ...

    def faulted(
        self, trial: str, failure: str, whose: str, message: str, node: str | None = None, *, alone: bool = False
    ) -> None:
        """A placement ended in an error, and whose it is: ``trial``, ``machine`` or ``unknown``."""
        ...

    def failed(self, trial: str, failure: str, message: str) -> None:
        """A trial has failed by its own fault, where that is known without asking."""
        ...

    def lost(self, trial: str, message: str) -> None:
        """A worker is gone, where it is known that this is not its trial's fault."""
        ...

    def finished_early(self, trial: str) -> None:
        """The trainable has ended by itself before its last epoch."""
        ...

    def awaited(self) -> list[str]:
        """An attempt is to end: the trials that can still finish their epoch and save."""
        ...

    def overdue(self) -> dict[str, bool]:
        """Every second: the placements to end now, each with whether its trial hangs."""
        ...

    def evicted(self, trial: str, *, hangs: bool = False) -> None:
        """A placement that was overdue has been ended."""
        ...

    def end(self, ending: str, why: str, stay_s: float | None = None) -> None:
        """The engine ends an attempt itself (a simulated walltime): place nothing more."""
        ...

    def abandon(self) -> None:
        """The attempt is over: let go of what runs."""
        ...

    def withdrawn(self, trial: str) -> None:
        """A placement that waited for a worker is taken back: the nodes that it may use have gone."""
        ...

    def wait_for_suggestion(self, seconds: float) -> bool:
        """Nothing runs and nothing can be placed: wait a moment for a searcher that is at work. False: none is."""
        ...


class Log(Protocol):
    """Takes the events of a run in their order, before anything acts on them."""

    def append(self, event: dict[str, Any]) -> None:
        """Keep one event."""
        ...

    def read(self) -> Iterator[dict[str, Any]]:
        """All events that count so far, oldest first."""
        ...


class CheckpointStore(Protocol):
    """Where checkpoints lie, by the path that the log knows them by."""

    def has(self, path: str) -> bool:
        """True when the checkpoint is there."""
        ...

    def delete(self, path: str) -> None:
        """Remove a checkpoint; one that is gone already is no error."""
        ...


class Clock(Protocol):
    """Tells the run's consumed seconds."""

    def now_s(self) -> float:
        """Consumed seconds now: interruptions are left out."""
        ...

    def cpu_s(self) -> float:
        """Seconds on a clock for measuring how long an answer takes; always 0 where time is simulated."""
        ...

    def ask_s(self, measured_s: float) -> float:
        """What the log says of a suggestion that took ``measured_s``: the same, or what is simulated."""
        ...
