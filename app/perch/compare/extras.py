"""Two questions that a comparison's random-search runs answer: was early stopping safe, and what matters."""

from __future__ import annotations

from typing import Any

import pandas as pd

from perch.compare.figures.rungs import levels
from perch.compare.runs.gather import Comparison
from perch.compare.statistics.early import RungCorrelation, full_curves, rung_correlations
from perch.record.search import search_trials
from perch.report.importance import FEWEST, Importance, importances
from perch.space import Space

RANDOM = "rs"
"""The strategy that trains random configurations to the end: full curves, nobody chosen."""


def early_stopping(comparison: Comparison) -> list[RungCorrelation]:
    """Rank correlation of each level of epochs with the last, from all random-search runs together."""
    if RANDOM not in comparison.runs:
        return []
    parts = []
    for seed, curves in zip(comparison.seeds, comparison.curves[RANDOM], strict=True):
        values = full_curves(curves, comparison.metric, comparison.epochs)
        parts.append(values.set_axis([f"{seed}-{name}" for name in values.index], axis=0))
    table = pd.concat(parts)
    return rung_correlations(comparison.sign * table, levels(comparison.epochs)[:-1]) if len(table) else []


def what_matters(comparison: Comparison, space: Space) -> list[Importance]:
    """Importance of each hyperparameter at the last epoch of random search."""
    if RANDOM not in comparison.runs:
        return []
    configs: list[dict[str, Any]] = []
    values: list[float] = []
    epochs = comparison.epochs
    for run, curves in zip(comparison.runs[RANDOM], comparison.curves[RANDOM], strict=True):
        table = full_curves(curves, comparison.metric, epochs)
        known = search_trials(run).set_index("trial_id")["config"]
        configs += [known[name] for name in table.index]
        values += [comparison.sign * float(v) for v in table[epochs]] if epochs in table else []
    return importances(space, configs, values) if len(configs) >= FEWEST else []


def extras(comparison: Comparison) -> tuple[dict[str, Any], list[str]]:
    """Both answers as data and as lines."""
    epochs = comparison.epochs
    early = early_stopping(comparison)
    lines = []
    if early:
        parts = ", ".join(f"epoch {c.rung}: {c.correlation:.2f} [{c.low:.2f}, {c.high:.2f}]" for c in early)
        lines.append(f"rank correlation with epoch {epochs}, {early[0].curves} full curves of rs: {parts}")
    matters = what_matters(comparison, comparison.study.search_space)
    if matters:
        parts = ", ".join(f"{i.key} {i.share:.0%} [{i.low:.0%}, {i.high:.0%}]" for i in matters)
        lines.append(f"importance at epoch {epochs} (PED-ANOVA, best quarter): {parts}")
    return {"early_stopping": [c.as_dict() for c in early], "importance": [i.as_dict() for i in matters]}, lines
