"""A strategy executed in simulated time: a campaign on the virtual clock, and the log that it writes."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

from perch.campaign.campaign import Campaign
from perch.campaign.confirmation import Confirmation
from perch.campaign.insurance import LONGEST_S
from perch.campaign.rules import Rules
from perch.log.state import State
from perch.simulate.curves import Curves
from perch.simulate.delays import Delays
from perch.simulate.interruptions import NONE, Interruptions
from perch.simulate.virtual_clock import VirtualClock, VirtualEngine, VirtualStore
from perch.strategies.strategy import Strategy


class _Recorder:
    """A log that keeps the events that nobody has taken yet."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def append(self, event: dict[str, Any]) -> None:
        """Keep an event until it is taken."""
        self.events.append(event)

    def read(self) -> Iterator[dict[str, Any]]:
        """What has not been taken."""
        yield from self.events

    def take(self) -> list[dict[str, Any]]:
        """The events that have come since the last call."""
        taken, self.events = self.events, []
        return taken


def simulate(
    strategy: Strategy,
    curves: Curves,
    *,
    workers: int,
    time_s: float | None = None,
    delays: Delays | None = None,
    epochs: int = sys.maxsize,
    interruptions: Interruptions = NONE,
) -> Iterator[dict[str, Any]]:
    """Run a strategy to its end, or to ``time_s``, and yield the events of its log as they happen.

    ``epochs``: the most that a trial may train, as far as the state of trials (completed or stopped) depends on it.
    ``interruptions``: trials then save insurance checkpoints, as those of a real run do.
    Raises StrategyError when the strategy asks for nothing while nothing runs, resumes a trial that does not wait, or
    exploits a checkpoint that is not there.
    """
    delays = delays or Delays()
    log, clock, store = _Recorder(), VirtualClock(delays.suggest_s), VirtualStore()
    state, confirmation = State(strategy, epochs), Confirmation(log, top=0, seeds=0)
    rules = Rules(epochs, insure_s=None if interruptions == NONE else LONGEST_S)

    def attempt() -> Campaign:
        campaign = Campaign(rules, state, log, clock, store, confirmation, workers)
        campaign.emit(e="attempt", n=state.attempt + 1, accepts_bytes={}, workers=workers)
        return campaign

    engine = VirtualEngine(attempt, clock, store, curves, workers, delays, interruptions)
    for _ in engine.steps(math.inf if time_s is None else time_s):
        yield from log.take()
    campaign = engine.campaign
    campaign.emit(e="close", why=campaign.ending or "budget", reason=campaign.why)
    yield from log.take()
