"""The race over fresh seeds: which entrant is trained next. A pure function of what the log says.

Every entrant is trained once. From then on those that are beaten leave, and the others get another seed each, the best
mean first, until the allowance is spent, one is left, or each has its number of seeds. The starting point leaves last
of all: never with fewer than two trainings, since what tuning was worth is measured against it.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import Final

from perch.log.fresh_seeds import FreshSeeds
from perch.paired import difference
from perch.study import SMALLEST_RACE as SMALLEST

FEWEST_OF_THE_LAST: Final = 2
"""Trainings of an entrant that no other is left against: one value says nothing of chance."""


def entrants_for(trainings: int, at_most: int) -> int:
    """How many configurations start a race of so many trainings: half of them, so that those who stay get more seeds."""
    return max(min(trainings // 2, at_most), SMALLEST)


def next_entrant(race: FreshSeeds, seeds: int, epochs: int, elapsed_s: float) -> tuple[str, int] | None:
    """The entrant to train next, and the number of its fresh seed (from 1); None: no further training for now.

    ``seeds``: the most for each. ``epochs``: of a training. ``elapsed_s``: consumed by the race so far.
    """
    if race.allowance is None:
        return _full_design(race, seeds)
    out = beaten(race)
    staying = [e for e in race.entrants if e not in out]
    if len(staying) == 1 and len(race.values.get(staying[0], ())) >= FEWEST_OF_THE_LAST:
        return None
    waiting = [e for e in staying if len(race.placed.get(e, ())) < seeds]
    order = {entrant: place for place, entrant in enumerate(race.entrants)}
    for entrant in sorted(waiting, key=lambda e: (len(race.placed.get(e, ())), _mean(race, e), order[e])):
        if affordable(race, entrant, epochs, elapsed_s):
            return entrant, _next_repeat(race, entrant)
    return None


def affordable(race: FreshSeeds, entrant: str, epochs: int, elapsed_s: float) -> bool:
    """True when another training of the entrant fits into the allowance, or belongs to the smallest race."""
    if race.allowance is None:
        return True
    smallest = race.entrants[:SMALLEST]
    if entrant in smallest and not race.placed.get(entrant):
        return True
    if race.in_seconds:
        return elapsed_s + race.training_s.get(entrant, math.inf) <= race.allowance
    return (race.trainings + 1) * epochs <= race.allowance


def beaten(race: FreshSeeds) -> set[str]:
    """Entrants that are out: one of their trainings failed, or the leader is better by more than chance explains."""
    out = set(race.failed & set(race.entrants))
    running = {e: race.values[e] for e in race.entrants if race.values.get(e) and e not in out}
    if not running:
        return out
    leader = min(running, key=lambda e: (fmean(running[e].values()), race.entrants.index(e)))
    for entrant, values in running.items():
        if entrant == leader or (entrant == race.start and len(values) < SMALLEST):
            continue
        found = difference(running, leader, entrant)
        if found is not None and found.clear:
            out.add(entrant)
    return out


def _full_design(race: FreshSeeds, seeds: int) -> tuple[str, int] | None:
    """Every entrant, so many times: seed by seed."""
    for repeat in range(1, seeds + 1):
        for entrant in race.entrants:
            if repeat not in race.placed.get(entrant, ()):
                return entrant, repeat
    return None


def _next_repeat(race: FreshSeeds, entrant: str) -> int:
    placed = race.placed.get(entrant, set())
    return next(n for n in range(1, len(placed) + 2) if n not in placed)


def _mean(race: FreshSeeds, entrant: str) -> float:
    values = race.values.get(entrant)
    return fmean(values.values()) if values else math.inf
