"""Runs that can be compared: read, checked to be of the same study, and put into blocks by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from perch.compare.runs.alike import check_alike
from perch.compare.runs.clock import without_collapsed
from perch.compare.statistics.hits import Blocks
from perch.compare.statistics.incumbent import Incumbent, incumbent_of
from perch.errors import RecordError
from perch.record.collapsed import had_time, is_collapsed
from perch.record.protocol import Record
from perch.record.search import search_trials
from perch.study import Study


@dataclass(frozen=True)
class Comparison:
    """Runs of several strategies over common seeds. ``runs[strategy][b]`` has seed ``seeds[b]``."""

    runs: Mapping[str, Sequence[Record]]
    seeds: Sequence[int]
    reference: str
    budget_s: float
    notes: list[str] = field(default_factory=list)
    collapsed: bool = True
    """False: collapsed trials are left out, and the worker seconds that they took are off the clock."""

    @property
    def metric(self) -> str:
        """The name of what is compared."""
        return self.study.metric

    @property
    def sign(self) -> float:
        """-1 when more of the metric is better, else 1."""
        return -1.0 if self.study.mode == "max" else 1.0

    @property
    def study(self) -> Study:
        """The study of the first run: what matters to a comparison is the same in all of them."""
        return self.runs[self.reference][0].study

    @property
    def epochs(self) -> int:
        """Epochs of a trial that is not stopped: of all runs, since runs that differ in it are refused."""
        return self.study.epochs

    @property
    def strategies(self) -> list[str]:
        """The reference first, the others by name."""
        return [self.reference, *sorted(s for s in self.runs if s != self.reference)]

    @cached_property
    def curves(self) -> dict[str, list[pd.DataFrame]]:
        """Search epochs within the budget of every run, by strategy and block."""
        out: dict[str, list[pd.DataFrame]] = {}
        for strategy in self.strategies:
            out[strategy] = [self._curves(run) for run in self.runs[strategy]]
        return out

    @cached_property
    def incumbents(self) -> dict[str, list[Incumbent]]:
        """The incumbent of every run."""
        return {s: [incumbent_of(c, self.metric, self.study.mode) for c in curves] for s, curves in self.curves.items()}

    @property
    def blocks(self) -> Blocks:
        """What the statistics need."""
        return Blocks(self.incumbents, self.budget_s, self.reference)

    def without_collapsed(self) -> Comparison:
        """The same comparison as if the space held no configuration that stays at the mean predictor."""
        off = [self._collapsed_s(run) / _workers(run) for runs in self.runs.values() for run in runs]
        budget_s = self.budget_s - max(off, default=0.0)
        return Comparison(self.runs, self.seeds, self.reference, budget_s, list(self.notes), collapsed=False)

    @property
    def collapsed_share(self) -> dict[str, float]:
        """Share of each strategy's trials that never left the mean predictor, of those that had time to."""
        shares = {}
        for strategy in self.strategies:
            trials = pd.concat([search_trials(run) for run in self.runs[strategy]])
            judged = had_time(trials, self.epochs).sum()
            shares[strategy] = float(is_collapsed(trials, self.epochs).sum() / judged) if judged else 0.0
        return shares

    def _curves(self, run: Record) -> pd.DataFrame:
        trials = search_trials(run)
        curves = run.curves[run.curves["trial_id"].isin(trials["trial_id"])]
        if not self.collapsed:
            curves = without_collapsed(curves, self._collapsed(run), _workers(run))
        return curves[curves["time_s"] <= self.budget_s].sort_values("time_s", kind="stable")

    def _collapsed(self, run: Record) -> set[str]:
        trials = search_trials(run)
        return set(trials["trial_id"][is_collapsed(trials, self.epochs)])

    def _collapsed_s(self, run: Record) -> float:
        return float(run.curves.loc[run.curves["trial_id"].isin(self._collapsed(run)), "epoch_s"].sum())


def gather(
    runs: Iterable[tuple[str, Record]], reference: str | None = None, budget_s: float | None = None
) -> Comparison:
    """Put runs, each with its strategy's label, into blocks.

    Raises RecordError for runs whose times cannot be set side by side, naming what differs.
    """
    labelled = list(runs)
    found = [run for _, run in labelled]
    notes: list[str] = []
    check_alike(found)
    by_strategy: dict[str, dict[int, Record]] = {}
    for name, run in labelled:
        seed = int(run.summary["seed"])
        if seed in by_strategy.setdefault(name, {}):
            raise RecordError(
                f"two runs of '{name}' have seed {seed}",
                why=f"{by_strategy[name][seed].folder} and {run.folder}; a block is one run of each strategy per seed",
                fix="leave one of them out",
            )
        by_strategy[name][seed] = run
    reference = _reference(by_strategy, reference)
    seeds = _common_seeds(by_strategy, notes)
    kept = {s: [by_strategy[s][seed] for seed in seeds] for s in by_strategy}
    notes += [
        f"{strategy}, seed {seed}: somebody changed the run by hand ({len(asked)} times), so it does not show what its strategy does alone"
        for strategy, runs in kept.items()
        for seed, run in zip(seeds, runs, strict=True)
        if (asked := run.summary.get("asked_by_hand"))
    ]
    comparison = Comparison(kept, seeds, reference, _budget(found, budget_s, notes), notes)
    if not any(len(run.value) for runs in comparison.incumbents.values() for run in runs):
        raise RecordError(
            f"no run reported anything within {comparison.budget_s:g} s", why="not one epoch ended in that time",
            fix="give a larger --time-budget",
        )  # fmt: skip
    return comparison


def _reference(by_strategy: Mapping[str, Mapping[int, Record]], wanted: str | None) -> str:
    if len(by_strategy) < 2:
        raise RecordError(
            "there is nothing to compare with",
            why=f"all runs are of '{next(iter(by_strategy))}'",
            fix="add runs of another",
        )
    if wanted is not None and wanted not in by_strategy:
        raise RecordError(
            f"no run is of the reference '{wanted}'",
            why=f"there are: {', '.join(sorted(by_strategy))}",
            fix="name one of them",
        )
    return wanted or ("rs" if "rs" in by_strategy else next(iter(by_strategy)))


def _common_seeds(by_strategy: Mapping[str, Mapping[int, Record]], notes: list[str]) -> list[int]:
    common = set.intersection(*(set(runs) for runs in by_strategy.values()))
    if not common:
        listed = "; ".join(f"{s}: {sorted(r)}" for s, r in sorted(by_strategy.items()))
        raise RecordError("the runs share no seed", why=listed, fix="run each strategy with the same seeds")
    for strategy, runs in sorted(by_strategy.items()):
        if extra := sorted(set(runs) - common):
            notes.append(f"{strategy}: seeds {extra} left out, another strategy lacks them")
    return sorted(common)


def _budget(runs: list[Record], wanted: float | None, notes: list[str]) -> float:
    """The time that every run had: the shortest, unless a shorter one is wanted."""
    consumed = [_consumed_s(run) for run in runs]
    shortest = min(consumed)
    if wanted is not None and wanted <= shortest * 1.02:
        return wanted
    if wanted is not None:
        notes.append(f"compared up to {shortest:.0f} s and not {wanted:.0f} s: a run ended earlier")
    elif max(consumed) > 1.05 * shortest:
        notes.append(f"runs lasted {shortest:.0f} to {max(consumed):.0f} s; compared up to the shortest")
    return shortest


def _consumed_s(run: Record) -> float:
    budget_s = run.study.budget.time
    last = float(run.curves["time_s"].max())
    used = max(float(run.summary["wall_s"]), last)
    return used if budget_s is None else min(used, budget_s)


def _workers(run: Record) -> float:
    """Trials that ran side by side, from the summary; at least one."""
    wall_s = float(run.summary["wall_s"])
    return max(1.0, float(np.round(float(run.summary["worker_seconds"]) / wall_s))) if wall_s else 1.0
