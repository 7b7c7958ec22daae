"""Two hyperparameters at a time: the best value of trials near each place, smoothed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perch.report.axis import Axis, axis_of
from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import ReportData
from perch.report.style import INK, canvas, colour_scale

FEWEST: Final = 10
GRID: Final = 40
"""Places along each axis."""
LEAST_WEIGHT: Final = 0.3
"""Kernel weight, in trials, below which a place is left blank: nobody has been near."""

Array = NDArray[np.float64]


def _axes(report: ReportData) -> list[Axis]:
    axes = [axis_of(name, report.configs[name]) for name in report.searched]
    return [axis for axis in axes if axis.kind != "choice"]


def _table(report: ReportData) -> pd.DataFrame:
    if report.trials["best_value"].notna().sum() < FEWEST:
        raise Missing(f"it needs {FEWEST} trials with a value{report.yet}")
    axes = _axes(report)
    if len(axes) < 2:
        raise Missing(f"it needs two hyperparameters with more than a few numbers{report.yet}")
    ranked = sorted(axes, key=lambda axis: -_correlation(report, axis))[:2]
    names = [axis.name for axis in ranked]
    out = pd.concat([report.trials[["trial_id", "epochs", "best_value"]], report.configs[names]], axis=1)
    return out.dropna()


def _correlation(report: ReportData, axis: Axis) -> float:
    """How strongly the value goes with this hyperparameter, up or down from a middle: |rank correlation|, of both halves."""
    place, value = pd.Series(axis.place(report.configs[axis.name])), report.trials["best_value"].rank()
    halves = [abs(value[part].corr(place[part])) for part in (place < 0.5, place >= 0.5) if part.sum() >= 3]
    return float(np.nanmax([*halves, 0.0]))


def smoothed(x: Array, y: Array, values: Array, grid: int = GRID) -> Array:
    """Weighted means of ``values`` (n,) at (grid, grid) places of the unit square; NaN where no trial is near.

    Kernels are normal, as wide as Scott's rule says for two dimensions (n^(-1/6) of the deviation). Nadaraya 1964.
    """
    at = (np.arange(grid) + 0.5) / grid
    width_x, width_y = (max(float(np.std(v)) * len(v) ** (-1 / 6), 0.03) for v in (x, y))
    near_x = np.exp(-0.5 * ((at[:, None] - x) / width_x) ** 2)
    near_y = np.exp(-0.5 * ((at[:, None] - y) / width_y) ** 2)
    weight = near_y @ near_x.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(weight >= LEAST_WEIGHT, (near_y * values) @ near_x.T / weight, np.nan))


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    across, up = (axis_of(str(name), table[name]) for name in table.columns[-2:])
    x, y = across.place(table[across.name]), up.place(table[up.name])
    field = smoothed(x, y, table["best_value"].to_numpy(dtype=float))
    figure, axes = canvas(6.4, 4.6)
    at = (np.arange(GRID) + 0.5) / GRID
    levels = np.unique(np.nanquantile(field, np.linspace(0, 1, 10)))
    colours = colour_scale(turned=report.sign > 0)
    if len(levels) > 2:
        drawn = axes.contourf(at, at, field, levels=levels, cmap=colours, alpha=0.85)
        figure.colorbar(drawn, ax=axes, label=f"best {report.metric_label}, smoothed", format="%.3g")
    axes.plot(x, y, "o", ms=3, color=INK, mec="white", mew=0.4, rasterized=len(x) > 500)
    best = int(np.argmin(report.sign * table["best_value"].to_numpy(dtype=float)))
    axes.plot(x[best], y[best], "*", ms=15, mfc="white", mec=INK)
    axes.set_xticks(*zip(*across.ticks(), strict=True))
    axes.set_yticks(*zip(*up.ticks(), strict=True))
    axes.set(xlabel=across.name, ylabel=up.name, xlim=(0, 1), ylim=(0, 1))
    axes.grid(visible=False)
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    best = table.iloc[int(np.argmin(report.sign * table["best_value"].to_numpy(dtype=float)))]
    names = [str(name) for name in table.columns[-2:]]
    return (
        f"Map of the best {report.metric_label} of {len(table):,} trials over {names[0]} and {names[1]}; the lowest lies at "
        f"{names[0]} = {best[names[0]]:.3g}, {names[1]} = {best[names[1]]:.3g}."
        if report.sign > 0
        else f"Map of the best {report.metric_label} of {len(table):,} trials over {names[0]} and {names[1]}; the highest lies "
        f"at {names[0]} = {best[names[0]]:.3g}, {names[1]} = {best[names[1]]:.3g}."
    )


FIGURES.register(
    "contour",
    Figure(
        "Two hyperparameters",
        46,
        "Best values, smoothed over trials that are near (normal kernels by Scott's rule); blank where none is. Dots are trials, "
        "the star is the best. Trials that were stopped early count with the value that they had.",
        _table,
        _draw,
        _describe,
    ),
)
