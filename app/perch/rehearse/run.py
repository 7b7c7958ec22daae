"""One rehearsed run: a strategy through the simulator, reduced to what questions are asked of."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from perch.compare.statistics.incumbent import Incumbent, incumbent
from perch.rehearse.tables.drawn import TableCurves, TableSearch
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import Variant
from perch.simulate import Curves, Delays, simulate
from perch.simulate.interruptions import NONE, Interruptions
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.vocabulary import TEST_MAE_EV

Array = NDArray[np.float64]

BEST: Final = 6
"""The published figure follows the six best trials."""
POINTS: Final = 150
"""Times at which it is drawn."""


@dataclass(frozen=True)
class Setting:
    """The same for every strategy: workers, seconds, what a start and a checkpoint cost, and trials at most."""

    workers: int
    time_s: float
    delays: Delays
    trials: int | None = None
    interruptions: Interruptions = NONE


@dataclass(frozen=True)
class Rehearsed:
    """One run. ``reached``: trials by the last epoch that they reported (index 0: none).  ``best_mean, best_deviation``: of
    the six best trials at ``POINTS`` times, NaN before there are six.  ``ended``: trials stopped, completed or diverged.
    ``lost``: placements whose worker was lost.  ``redone``: epochs that were trained again after an interruption.
    """

    label: str
    seed: int
    incumbent: Incumbent
    reached: NDArray[np.int64]
    trials: int
    ended: int
    epochs: int
    rows_seen: int
    lost: int
    attempts: int
    redone: int
    best_mean: Array
    best_deviation: Array


def events(
    table: Table, variant: Variant, seed: int, setting: Setting, curves: Curves | None = None
) -> Iterator[dict[str, Any]]:
    """The log of one rehearsed run; equal arguments give equal events."""
    plan = Plan(space=table.space, epochs=table.epochs, trials=setting.trials, seed=seed, workers=setting.workers)
    random = variant.entry.searcher in ("random", "design")
    strategy = build(variant.spec, plan, TableSearch(table, seed) if random else None)
    return simulate(
        strategy, curves or TableCurves(table, seed), workers=setting.workers, time_s=setting.time_s, delays=setting.delays,
        epochs=table.epochs, interruptions=replace(setting.interruptions, seed=seed),
    )  # fmt: skip


def rehearse(table: Table, variant: Variant, seed: int, setting: Setting, curves: Curves | None = None) -> Rehearsed:
    """Run a strategy on the virtual clock and keep its staircase, its rungs and its six best."""
    drawn = TableCurves(table, seed)
    times: list[float] = []
    values: list[float] = []
    tests: list[float] = []
    last: dict[str, int] = {}
    ended = results = lost = attempts = redone = 0
    lowest = float("inf")
    best = _SixBest(setting.time_s)
    has_tests = table.tests is not None
    for event in events(table, variant, seed, setting, curves or drawn):
        kind = event["e"]
        if kind == "result":
            value, now_s, trial = event["value"], event["used_s"], event["id"]
            last[trial] = event["epoch"]
            results += 1
            if event["d"] == "stop":
                ended += 1
            test = event["m"][TEST_MAE_EV] if has_tests else value
            if value < lowest:
                lowest = value
                times.append(now_s)
                values.append(value)
                tests.append(test)
            if value < best.bar:
                best.add(now_s, trial, value, test)
        elif kind == "trial":
            last[event["id"]] = 0
        elif kind == "error":
            ended += 1
        elif kind == "spent":
            redone += event.get("redone", 0)
        elif kind == "lost":
            lost += 1
        elif kind == "attempt":
            attempts += 1
    mean, deviation = best.drawn()
    reached = np.bincount(np.fromiter(last.values(), dtype=np.int64, count=len(last)), minlength=table.epochs + 1)
    return Rehearsed(
        variant.label, seed, incumbent(times, values, tests if has_tests else None), reached, len(last), ended, results,
        drawn.rows_seen, lost, attempts, redone, mean, deviation,
    )  # fmt: skip


class _SixBest:
    """The six best trials so far, each with its best epoch: their mean and deviation on a grid of times."""

    def __init__(self, time_s: float) -> None:
        self.grid = np.linspace(time_s / POINTS, time_s, POINTS)
        self.bar = float("inf")
        """Only a value below it changes anything."""
        self._held: list[tuple[float, str, float]] = []
        self._steps: list[tuple[float, float, float]] = []

    def add(self, now_s: float, trial: str, value: float, test: float) -> None:
        """A value below the bar."""
        for place, (held, name, _) in enumerate(self._held):
            if name == trial:
                if held <= value:
                    return
                del self._held[place]
                break
        insort(self._held, (value, trial, test))
        del self._held[BEST:]
        if len(self._held) == BEST:
            self.bar = self._held[-1][0]
            seen = [t for _, _, t in self._held]
            mean = sum(seen) / BEST
            variance = sum((t - mean) ** 2 for t in seen) / (BEST - 1)
            self._steps.append((now_s, mean, variance**0.5))

    def drawn(self) -> tuple[Array, Array]:
        """Mean and deviation at every time of the grid."""
        if not self._steps:
            nothing = np.full(POINTS, np.nan)
            return nothing, nothing
        at, mean, deviation = (np.array(c) for c in zip(*self._steps, strict=True))
        place = np.searchsorted(at, self.grid, side="right") - 1
        known = place >= 0
        return np.where(known, mean[place], np.nan), np.where(known, deviation[place], np.nan)
