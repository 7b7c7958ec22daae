"""What a campaign is connected to: an engine that trains, a log that keeps its events, a store of checkpoints, a clock.

Ray Tune (``perch.engine.tune``), the inline engine (``perch.engine.inline``) and the virtual clock
(``perch.simulate.virtual_clock``) are engines. Each calls these methods of ``Campaign``, those that it has a use for:

===================  ================================================================================================
method               when the engine calls it
===================  ================================================================================================
begin                once, before anything else
next_placement       a worker is free; ``next_confirmation`` after it, when it gave none
begun                a worker has taken its placement up
result               a placement has reported an epoch; the engine does what the instruction says
saved                the checkpoint that an instruction asked for is written
offered              the trainable left a checkpoint that no instruction asked for
left_worker          a placement is off its worker
faulted              a placement ended in an error, and whose it is (``failed`` and ``lost`` follow from that)
failed               a trial has failed by its own fault, where that is known without asking
finished_early       the trainable has ended by itself before its last epoch
awaited              an attempt is to end: the trials that can still finish their epoch and save
overdue, evicted     every second: the placements to end now; such a placement has been ended
end, abandon         an attempt is over that the engine ends itself (a simulated walltime): place nothing more; let go of what runs
withdrawn            a placement that waited for a worker is taken back: the nodes that it may use have gone
wait_for_suggestion  nothing runs and nothing can be placed: wait a moment for a searcher that is at work
===================  ================================================================================================

What somebody asks of a run by hand (``perch.campaign.asked``) is no engine's business: whoever drives the engine calls those.
``Campaign.refuses`` says why a configuration is not started (it does not fit the device); whoever opens an attempt sets it.

An engine reads ``ending`` (not None: place nothing more), ``saving`` (the trials whose workers are saving) and ``state``, keeps
``worker_slots`` (how many placements run at once) true, and leaves in ``failure`` an error of Perch itself that Tune would ignore.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol


class Engine(Protocol):
    """Trains what a campaign places."""

    def fit(self) -> None:
        """Drive the campaign until nothing runs and nothing more is placed."""
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
