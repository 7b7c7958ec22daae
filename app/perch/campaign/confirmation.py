"""After the budget: the best configurations are trained again with fresh seeds before one is named.

The lowest of many noisy values is lower than what its configuration gives on average. A fresh seed's value was not
chosen for being low.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from perch.campaign.seams import Log
from perch.log.events import Event
from perch.log.state import CONFIRM, KEPT, State


@dataclass
class Confirmation:
    """Chooses what to confirm and gives the trials that do it. ``top`` 0 switches it off.

    ``log`` is this attempt's: what it holds counts here, also when a newer attempt has accepted less of it.
    """

    log: Log
    top: int
    seeds: int
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Chosen trial → its configuration, read back from the log."""

    def choose(self, state: State) -> list[str]:
        """The best trials of the search, best first, no configuration twice; empty when there is nothing to confirm.

        After an exploit a trial is a lineage of configurations and no single one can be trained again to confirm it:
        ``perch schedule --validate`` judges a population.
        """
        if self.top == 0 or state.best is None or state.exploits:
            return []
        ranked = leaders(state, max(4 * self.top, KEPT))
        configs = configs_of(self.log.read(), ranked)
        chosen: dict[str, str] = {}
        for trial in ranked:
            chosen.setdefault(json.dumps(configs[trial], sort_keys=True), trial)
        self.configs = configs
        return list(chosen.values())[: self.top]

    def next_job(self, state: State) -> dict[str, Any] | None:
        """The next trial of this phase, as the fields of its ``trial`` event; None when each has been placed."""
        if not self.configs and state.confirming:
            self.configs = configs_of(self.log.read(), state.confirming)
        for repeat in range(self.seeds):
            for rank, trial in enumerate(state.confirming):
                name = f"confirm-{trial}-{repeat + 1}"
                if name not in state.live and name not in state.ended:
                    number = rank * self.seeds + repeat
                    job = {"id": name, "i": number, "config": self.configs[trial], "bracket": 0, "by": CONFIRM}
                    return {**job, "of": trial, "repeat": repeat + 1, "key": name, "seen": state.results}
        return None


def leaders(state: State, count: int) -> list[str]:
    """The best trials of the search by their lowest value, best first."""
    ranked = [(t.best[0], name) for name, t in state.ended.items() if t.best is not None and t.phase != CONFIRM]
    ranked += [(t.best[0], name) for name, t in state.live.items() if t.best is not None and t.phase != CONFIRM]
    return [name for _, name in heapq.nsmallest(count, ranked)]


def configs_of(events: Iterable[Event], trials: list[str]) -> dict[str, dict[str, Any]]:
    """Configurations of trials, from the log; after an exploit, the one in force at the trial's best epoch."""
    wanted = set(trials)
    current: dict[str, dict[str, Any]] = {}
    best: dict[str, tuple[float, dict[str, Any]]] = {}
    for event in events:
        trial = event.get("id")
        if trial not in wanted:
            continue
        if event["e"] == "trial":
            current[trial] = event["config"]
        elif event["e"] == "result":
            if trial not in best or event["value"] < best[trial][0]:
                best[trial] = (event["value"], current[trial])
            if "x" in event:
                current[trial] = event["x"]["config"]
    return {trial: best[trial][1] if trial in best else current[trial] for trial in trials}
