"""Figures of a rehearsal, each with its data: those of a comparison, and the published one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from perch.compare.figure import FIGURES, Scene
from perch.compare.figures.rungs import levels
from perch.compare.runs.gather import Comparison
from perch.compare.statistics.incumbent import Incumbent
from perch.rehearse.answers import Answers
from perch.rehearse.run import POINTS, Rehearsed
from perch.rehearse.tables.table import Table
from perch.report.report_data import words
from perch.report.style import canvas, styled


@dataclass(frozen=True)
class Simulated(Comparison):
    """A comparison whose incumbents were simulated: there are no records behind it."""

    found: Mapping[str, list[Incumbent]] = field(default_factory=dict)
    table: Table | None = None

    @property
    def metric(self) -> str:
        """The table's."""
        assert self.table is not None
        return self.table.metric

    @property
    def sign(self) -> float:
        """The table's."""
        assert self.table is not None
        return self.table.sign

    @cached_property
    def incumbents(self) -> dict[str, list[Incumbent]]:
        """As simulated."""
        return dict(self.found)


def scene_of(table: Table, runs: Mapping[str, Sequence[Rehearsed]], answers: Answers, time_s: float) -> Scene:
    """What the figures of a comparison are drawn from."""
    seeds = [r.seed for r in next(iter(runs.values()))]
    found = {s: [r.incumbent for r in rs] for s, rs in runs.items()}
    comparison = Simulated(
        {s: [] for s in runs}, seeds, answers.analysis.reference, time_s, found=found, table=table
    )  # fmt: skip
    return Scene(comparison, answers.analysis)


def write(
    table: Table, runs: Mapping[str, Sequence[Rehearsed]], answers: Answers, time_s: float, folder: Path
) -> list[Path]:
    """Draw every figure that has data, as SVG and PNG, its data beside it as CSV. Returns the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = scene_of(table, runs, answers, time_s)
    written = []
    tables = {
        "incumbents": FIGURES.get("incumbents").table(scene),
        "speed_up": FIGURES.get("speed_up").table(scene),
        "rungs": rungs_table(table, runs),
        "six_best": six_best_table(table, runs, time_s),
    }
    for name, data in tables.items():
        if data.empty:
            continue
        data.to_csv(folder / f"{name}.csv", index=False)
        with styled(name):
            drawn = _six_best(scene, table, data) if name == "six_best" else FIGURES.get(name).draw(scene, data)
            drawn.suptitle(f"{_title(name, table)}, rehearsed on {table.name}", fontsize=11)
            for form in ("png", "svg"):
                path = folder / f"{name}.{form}"
                metadata = {"Date": None} if form == "svg" else None
                drawn.savefig(path, metadata=metadata, facecolor="white" if form == "png" else "none")
                written.append(path)
    return written


def rungs_table(table: Table, runs: Mapping[str, Sequence[Rehearsed]]) -> pd.DataFrame:
    """Trials that reached each level of epochs, and epochs spent below it, per run."""
    steps = levels(table.epochs)
    rows = []
    for strategy, found in runs.items():
        for run in found:
            at_least = np.cumsum(run.reached[::-1])[::-1]  # trials that reported epoch e or a later one
            for below, level in zip([0, *steps], steps, strict=False):
                rows.append({"strategy": strategy, "seed": run.seed, "level": level, "trials": int(at_least[level]),
                             "epochs": int(at_least[below + 1 : level + 1].sum())})  # fmt: skip
    return pd.DataFrame(rows)


def six_best_table(table: Table, runs: Mapping[str, Sequence[Rehearsed]], time_s: float) -> pd.DataFrame:
    """Mean of the six best trials over time, its deviation within a run, and its quartiles over runs."""
    times = np.linspace(time_s / POINTS, time_s, POINTS)
    sign = 1.0 if table.tests is not None else table.sign
    parts = []
    for strategy, found in runs.items():
        means = sign * np.stack([r.best_mean for r in found])
        deviations = np.stack([r.best_deviation for r in found])
        known = np.isfinite(means).all(axis=0)
        parts.append(
            pd.DataFrame(
                {"strategy": strategy, "time_s": times[known], "six_best_mean": means[:, known].mean(axis=0),
                 "six_best_deviation": deviations[:, known].mean(axis=0),
                 "low_quartile": np.quantile(means[:, known], 0.25, axis=0),
                 "high_quartile": np.quantile(means[:, known], 0.75, axis=0),
                 "finished_trials": float(np.mean([r.ended for r in found]))}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _six_best(scene: Scene, table: Table, data: pd.DataFrame) -> Any:
    """The published figure: six best trials over wall-clock time, number of finished trials in the corner."""
    figure, axes = canvas()
    corner = []
    hours = scene.comparison.budget_s >= 2 * 3600
    for strategy, rows in data.groupby("strategy", sort=False):
        name, colour = str(strategy), scene.colour(str(strategy))
        at, mean, deviation = rows["time_s"] / (3600 if hours else 1), rows["six_best_mean"], rows["six_best_deviation"]
        axes.plot(at, mean, color=colour, lw=2, label=name, marker=scene.marker(name), markevery=20, ms=5)
        axes.fill_between(at, mean - deviation, mean + deviation, color=colour, alpha=0.18)
        corner.append(f"{name}: {rows['finished_trials'].iloc[0]:,.0f} trials")
    axes.text(0.985, 0.98, "\n".join(corner), transform=axes.transAxes, ha="right", va="top", fontsize=9)
    measured = "test MAE (eV)" if table.tests is not None else words(table.metric)
    axes.set(xlabel=f"wall-clock time ({'h' if hours else 's'})", ylabel=f"six best trials, {measured}")
    axes.legend(loc="upper center")
    return figure


def _title(name: str, table: Table) -> str:
    if name == "six_best":
        return "The six best trials"
    return FIGURES.get(name).title
