"""After the search: the most promising configurations and the starting point are trained anew with fresh seeds.

The lowest of many noisy values is lower than what its configuration gives on average. A fresh seed's value was not
chosen for being low.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from perch.campaign.race import entrants_for, next_entrant
from perch.campaign.seams import Log
from perch.log.curves import promising, read_curves
from perch.log.events import Event
from perch.log.state import CONFIRM, State
from perch.settled import window_for

START: Final = "start"
"""The entrant that is the starting point, where no trial of the search had its configuration."""


@dataclass
class Confirmation:
    """Chooses what is trained with fresh seeds, and gives the trials that do it. ``top`` 0 switches it off.

    ``log`` is this attempt's: what it holds counts here, also when a newer attempt has accepted less of it. ``share`` is
    that of the search which the race may take; None: no limit, ``top`` configurations with ``seeds`` seeds each.
    ``start``: the starting point's configuration. ``time_s``: the search's budget of time; None: epochs are shared.
    """

    log: Log
    top: int
    seeds: int
    share: float | None = None
    start: Mapping[str, Any] | None = None
    time_s: float | None = None

    def choose(self, state: State, workers: int) -> dict[str, Any] | None:
        """The fields of the ``confirm`` event; None when there is nothing to confirm.

        After an exploit a trial is a lineage of configurations and no single one can be trained again to confirm it:
        ``perch schedule --validate`` judges a population.
        """
        if self.top == 0 or state.best is None or state.exploits:
            return None
        curves = state.curves if self.top < state.curves.most else read_curves(self.log.read(), self.top + 2)
        known = curves.candidates()
        ranked = promising(known)
        start = None if self.start is None else curves.first_with(self.start) or START
        others = [name for name in ranked if name != start]
        if start is None and not others:
            return None
        usual_s = curves.usual_epoch_s()
        wanted, limit = self.top, self._limit(state, usual_s, workers)
        if "trainings" in limit:
            wanted = entrants_for(int(limit.pop("trainings")), self.top + (start is not None))
            wanted = max(wanted - (start is not None), 1)
        others = others[:wanted]
        configs = {name: dict(known[name].config) for name in others}
        seconds = {name: known[name].epoch_s for name in others}
        if start is not None and self.start is not None:
            configs = {start: dict(self.start), **configs}
            seconds = {start: usual_s if start == START else curves.epoch_s(self.start), **seconds}
        training_s = {name: round(s * state.epochs, 3) for name, s in seconds.items() if s is not None}
        return {
            "trials": list(configs), "start": start, "configs": configs, "seeds": self.seeds, "training_s": training_s,
            "window": window_for(state.epochs), **limit,
        }  # fmt: skip

    def next_job(self, state: State, now_s: float) -> dict[str, Any] | None:
        """The next trial of this phase, as the fields of its ``trial`` event; None: none for now, or none any more."""
        race = state.fresh
        if not race.configs:  # the log of an earlier version
            race.configs = configs_of(self.log.read(), race.entrants)
        found = next_entrant(race, race.seeds or self.seeds, state.epochs, state.confirming_for_s(now_s))
        if found is None:
            return None
        of, repeat = found
        name = f"confirm-{of}-{repeat}"
        job = {"id": name, "i": race.trainings, "config": race.configs[of], "bracket": 0, "by": CONFIRM}
        return {**job, "of": of, "repeat": repeat, "key": f"{CONFIRM}-{repeat}", "seen": state.results}

    def _limit(self, state: State, usual_s: float | None, workers: int) -> dict[str, Any]:
        """What the race may take, and how many trainings that is."""
        if self.share is None:
            return {"allowance": None}
        if self.time_s is not None and usual_s:
            allowance_s = self.share * self.time_s
            left_s = allowance_s - state.confirmed_s
            trainings = workers * math.floor(max(left_s, 0.0) / (usual_s * state.epochs))
            return {"allowance": round(allowance_s, 3), "in_seconds": True, "trainings": trainings}
        allowance = math.floor(self.share * state.searched_epochs)
        trainings = allowance // state.epochs - state.fresh.trainings
        return {"allowance": allowance, "trainings": max(trainings, 0)}


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
