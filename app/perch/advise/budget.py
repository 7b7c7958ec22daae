"""What a budget buys: trials per rung, full trainings, the confirmation, GPU-hours, disk, requeues, chance, cost."""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from perch.compare.figures.rungs import levels
from perch.errors import StudyError
from perch.rehearse.many import Done, rehearse_all
from perch.rehearse.run import Rehearsed, Setting, events
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import Variant
from perch.space import keyed_rng
from perch.study import SMALLEST_RACE, Study

Array = NDArray[np.float64]

SEEDS: Final = 40
DRAWS: Final = 200
"""Confirmations drawn for their length."""
TABLES_SHARE: Final = 0.5
"""Size of a run's Parquet tables over that of its log: an assumption; they hold the same rows, compressed."""


@dataclass(frozen=True)
class Range:
    """Mean, and the range of 95 in 100 rehearsed runs."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:,.0f} [{self.low:,.0f}, {self.high:,.0f}]"


@dataclass(frozen=True)
class Bought:
    """A plan. ``rungs``: trials that reach each level of epochs.  ``confirm_s``: seconds of the confirmation after the search
    (mean, and nine in ten).  ``finishes``: chance that search and confirmation end within ``hours`` with a winner named.
    """

    rungs: tuple[tuple[int, Range], ...]
    trials: Range
    full: Range
    search_s: Range
    confirm_trainings: int
    confirm_s: tuple[float, float]
    gpu_hours: float
    log_bytes: float
    requeues: int
    finishes: float
    price: float | None


@dataclass(frozen=True)
class Demand:
    """What a plan is asked for. ``walltime_s``: the longest that one job may last; None: one job is enough."""

    workers: int
    gpus_each: float
    hours: float
    walltime_s: float | None = None
    price_per_gpu_hour: float | None = None


def check_feasible(table: Table, study: Study, demand: Demand) -> None:
    """Raise StudyError, with the nearest feasible budget, where not even one training ends, or none can be confirmed."""
    needed_s = _training_s(table)
    confirm_s = float(np.quantile(confirmations_s(table, study, demand, DRAWS), 0.9))
    time_s = 3600.0 * demand.hours
    if time_s < needed_s:
        raise StudyError(
            f"{demand.hours:g} h are too short: not one training would end",
            why=f"{study.epochs} epochs take {needed_s / 3600:.3g} h (median of the record)",
            fix=f"give --hours {_up(needed_s + confirm_s)}, or at most "
            f"{max(1, int(time_s / needed_s * study.epochs))} epochs",
        )  # fmt: skip
    if study.confirm.top and time_s < needed_s + confirm_s:
        raise StudyError(
            f"{demand.hours:g} h are too short for a search and its confirmation",
            why=f"{fresh_trainings(table, study, demand)} trainings with fresh seeds take {confirm_s / 3600:.3g} h on {demand.workers} workers, and "
            f"one training of the search {needed_s / 3600:.3g} h",
            fix=f"give --hours {_up(needed_s + confirm_s)}, more GPUs, or a smaller confirm",
        )  # fmt: skip
    if demand.walltime_s is not None and demand.walltime_s < _epoch_s(table):
        raise StudyError(
            f"--walltime of {demand.walltime_s:g} s is less than one epoch", why=f"it takes {_epoch_s(table):.4g} s",
            fix="give a longer walltime: a job that ends within an epoch saves nothing",
        )  # fmt: skip


def plan(
    table: Table, study: Study, variant: Variant, demand: Demand, seeds: Sequence[int], *, processes: int | None = None,
    done: Done = lambda _n, _all: None,
) -> Bought:  # fmt: skip
    """Rehearse the study's strategy for the hours that the confirmation leaves, and count."""
    confirm_s = confirmations_s(table, study, demand, DRAWS)
    confirm_usual, confirm_long = (float(np.quantile(confirm_s, q)) for q in (0.5, 0.9))
    search_s = 3600.0 * demand.hours - confirm_long
    if study.budget.time is not None:
        search_s = min(search_s, study.budget.time)
    setting = Setting(demand.workers, search_s, table.recorded.delays, study.budget.trials)
    runs = rehearse_all(table, [variant], seeds, setting, processes=processes, done=done)[variant.label]
    ended = [_end_s(table, variant, seed, setting) for seed in seeds[:5]] if study.budget.trials else [search_s]
    at_least = np.stack([np.cumsum(r.reached[::-1])[::-1] for r in runs])
    used_s = float(np.mean(ended)) + confirm_usual
    gpu_hours = demand.workers * demand.gpus_each * used_s / 3600.0
    return Bought(
        tuple((level, _range(at_least[:, level])) for level in levels(table.epochs)), _range([r.trials for r in runs]),
        _range(at_least[:, -1]), _range(ended), fresh_trainings(table, study, demand), (confirm_usual, confirm_long), gpu_hours,
        _log_bytes(table, variant, seeds[0], setting) * (1 + TABLES_SHARE),
        0 if demand.walltime_s is None else math.ceil(used_s / demand.walltime_s - 1e-9) - 1,
        _finishes(runs, ended, study, demand, confirm_s), None if demand.price_per_gpu_hour is None else gpu_hours * demand.price_per_gpu_hour,
    )  # fmt: skip


def _finishes(
    runs: Sequence[Rehearsed], ended: Sequence[float], study: Study, demand: Demand, confirm_s: Array
) -> float:
    """Chance that search and confirmation fit into the hours, and that the search has enough trials to confirm."""
    left_s = 3600.0 * demand.hours * (1 + 1e-9) - np.asarray(ended)
    in_time = float((confirm_s[None, :] <= left_s[:, None]).mean())
    wanted = max(study.confirm.top, 1)
    return in_time * float(np.mean([r.reached[1:].sum() >= wanted for r in runs]))


def _training_s(table: Table) -> float:
    """Seconds until one training has ended, the median over full curves, its worker's start included."""
    assert table.seconds is not None
    whole = np.nansum(table.seconds[table.full], axis=1) + table.epochs * table.recorded.report_s
    return float(table.recorded.delays.start_s + np.median(whole))


def _epoch_s(table: Table) -> float:
    return table.epoch_s + table.recorded.report_s


def fresh_trainings(table: Table, study: Study, demand: Demand) -> int:
    """Trainings with fresh seeds after the search, at most: of a race, as many as its share of the hours pays for."""
    confirm = study.confirm
    if not confirm.top:
        return 0
    most = (confirm.top + 1) * confirm.seeds  # the starting point takes part
    if confirm.share is None:
        return most
    search_s = 3600.0 * demand.hours / (1 + confirm.share)
    if study.budget.time is not None:
        search_s = min(search_s, study.budget.time)
    paid = demand.workers * math.floor(confirm.share * search_s / _training_s(table))
    return min(max(paid, SMALLEST_RACE), most)


def confirmations_s(table: Table, study: Study, demand: Demand, draws: int) -> Array:
    """Seconds of the confirmation, ``draws`` times: full trainings of drawn rows, each given to the first free worker."""
    assert table.seconds is not None
    number = fresh_trainings(table, study, demand)
    if not number:
        return np.zeros(draws)
    whole = np.nansum(table.seconds[table.full], axis=1) + table.epochs * table.recorded.report_s
    rows = keyed_rng(study.seed, "plan-confirmation").integers(0, len(whole), (draws, number))
    out = np.empty(draws)
    for d, taken in enumerate(whole[rows]):
        free = [0.0] * demand.workers
        for training_s in taken:
            heapq.heappush(free, heapq.heappop(free) + table.recorded.delays.turnover_s + float(training_s))
        out[d] = max(free)
    return out


def search_ends_s(table: Table, study: Study, variant: Variant, workers: int, seeds: Sequence[int]) -> Array:
    """When the last of the study's trials has ended, in each rehearsed run."""
    setting = Setting(workers, math.inf, table.recorded.delays, study.budget.trials)
    return np.array([_end_s(table, variant, seed, setting) for seed in seeds])


def _end_s(table: Table, variant: Variant, seed: int, setting: Setting) -> float:
    """When the last of the budget's trials ends."""
    last = 0.0
    for event in events(table, variant, seed, setting):
        last = event["used_s"]
    return last


def _log_bytes(table: Table, variant: Variant, seed: int, setting: Setting) -> float:
    """Size of the event log of one rehearsed run."""
    return float(sum(len(json.dumps(e)) + 1 for e in events(table, variant, seed, setting)))


def _range(numbers: Any) -> Range:
    values = np.asarray(numbers, dtype=float)
    return Range(float(values.mean()), float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975)))


def _up(seconds: float) -> str:
    """Hours, rounded up to two digits."""
    hours = seconds / 3600.0
    scale = 10 ** (math.floor(math.log10(hours)) - 1)
    return f"{math.ceil(hours / scale) * scale:.6g}"
