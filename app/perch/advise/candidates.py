"""The record decides: candidates rehearsed at the asked size, the best named with how much better and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from perch.compare.statistics.analysis import ReachedFirst
from perch.rehearse.answers import Answers, Mean, answer, mean_of, record_half
from perch.rehearse.many import Done, rehearse_all
from perch.rehearse.run import Rehearsed, Setting
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import Variant, variants

SEEDS: Final = 60
"""Rehearsed runs of each candidate."""


@dataclass(frozen=True)
class Choice:
    """The best candidate. ``gain``: over ``other``, in the metric's unit, above zero is better, paired over seeds."""

    best: Variant
    other: str
    gain: Mean
    record: float | None
    chance: ReachedFirst
    equals: tuple[str, ...]
    """Candidates whose difference from the best includes zero."""
    answers: Answers


def candidates(epochs: int) -> list[Variant]:
    """Random search, the median rule, AHB, and ASHA with grace periods and reduction factors that leave a rung."""
    grace = [g for g in (1, 3, 9, 27) if 3 * g <= epochs]
    names = ["rs", *(["median"] if epochs > 4 else []), *(["ahb"] if epochs >= 9 else [])]
    names += ["asha" if g == 1 else f"asha+grace_period={g}" for g in grace]
    names += [f"asha+reduction_factor={eta}" for eta in (2, 4) if epochs >= 2 * eta]
    return variants(names)


def choose(
    table: Table,
    setting: Setting,
    seeds: Sequence[int],
    *,
    processes: int | None = None,
    done: Done = lambda _n, _all: None,
) -> Choice:
    """Rehearse all candidates and name the best at the end of the budget; the other is the best that is no variant of it."""
    runs = rehearse_all(table, candidates(table.epochs), seeds, setting, processes=processes, done=done)
    return judge(table, runs, setting.time_s)


def judge(table: Table, runs: Mapping[str, Sequence[Rehearsed]], time_s: float) -> Choice:
    """The choice from rehearsed runs. A run without any result counts as the worst curve of the table."""
    worst = float(np.nanmax(table.values[table.usable]))
    ends = {s: np.array([min(r.incumbent.best, worst) for r in found]) for s, found in runs.items()}
    order = sorted(ends, key=lambda s: float(ends[s].mean()))
    best = order[0]
    gains = {s: mean_of(ends[s] - ends[best]) for s in order[1:]}
    other = next((s for s in order[1:] if s.split("+")[0] != best.split("+")[0]), order[1])
    answers = answer(table, runs, time_s, "rs" if "rs" in runs else best)
    chance = next(b.chance for b in answers.beats if (b.strategy, b.other, b.share) == (best, other, 1.0))
    equals = tuple(s for s in order[1:] if gains[s].low <= 0)
    (variant,) = variants([best])
    drawn = max(v.trials for v in answers.values if v.strategy in (best, other))
    record = record_half(ends[other] - ends[best], drawn, table.effective_size)
    return Choice(variant, other, gains[other], record, chance, equals, answers)


def settings_of(variant: Variant) -> str | dict[str, Any]:
    """As a study file has it."""
    return variant.spec["name"] if len(variant.spec) == 1 else dict(variant.spec)
