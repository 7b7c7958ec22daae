"""A strategy executed in simulated time: a campaign on the virtual clock, and the log that it writes."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
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
from perch.study import Confirm


class _Recorder:
    """A log that keeps the events that nobody has taken yet; ``whole``: and those that somebody has."""

    def __init__(self, whole: bool) -> None:
        self.events: list[dict[str, Any]] = []
        self.past: list[dict[str, Any]] | None = [] if whole else None

    def append(self, event: dict[str, Any]) -> None:
        """Keep an event until it is taken."""
        self.events.append(event)
        if self.past is not None:
            self.past.append(event)

    def read(self) -> Iterator[dict[str, Any]]:
        """All events, or those that have not been taken where only these are kept."""
        yield from (self.events if self.past is None else self.past)

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
    confirm: Confirm | None = None,
    start: Mapping[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Run a strategy to its end, or to ``time_s``, and yield the events of its log as they happen.

    ``epochs``: the most that a trial may train, as far as the state of trials (completed or stopped) depends on it.
    ``interruptions``: trials then save insurance checkpoints, as those of a real run do.
    ``confirm``: the trainings with fresh seeds that follow once the strategy has ended, ``start`` the starting point among
    them; None: none do. They share the search's epochs, and need ``epochs``.
    Raises StrategyError when the strategy asks for nothing while nothing runs, resumes a trial that does not wait, or
    exploits a checkpoint that is not there.
    """
    delays = delays or Delays()
    log, clock, store = _Recorder(whole=confirm is not None), VirtualClock(delays.suggest_s), VirtualStore()
    state, confirmation = State(strategy, epochs), Confirmation(log, top=0, seeds=0)
    if confirm is not None:
        confirmation = Confirmation(log, confirm.top, confirm.seeds, confirm.share, start)
    rules = Rules(epochs, insure_s=None if interruptions == NONE else LONGEST_S)

    campaigns: list[Campaign] = []

    def attempt() -> Campaign:
        if campaigns:
            campaigns[-1].emit(e="close", why="interrupted", reason=campaigns[-1].why)
        campaign = Campaign(rules, state, log, clock, store, confirmation, workers)
        campaign.emit(e="attempt", n=state.attempt + 1, accepts_bytes={}, workers=workers)
        campaigns.append(campaign)
        return campaign

    engine = VirtualEngine(attempt, clock, store, curves, workers, delays, interruptions)
    for _ in engine.steps(math.inf if time_s is None else time_s):
        yield from log.take()
    campaign = campaigns[-1]
    campaign.emit(e="close", why=campaign.ending or "budget", reason=campaign.why)
    yield from log.take()
