"""Hyperparameters against the best value that each trial reached."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import ReportData
from perch.report.style import INK, canvas, colour_scale, log_if_wide, plain_log

MOST_PANELS = 12


def _table(report: ReportData) -> pd.DataFrame:
    if report.trials.empty:
        raise Missing(f"no trial has started{report.yet}")
    if not report.searched:
        raise Missing("all trials share one configuration")
    columns = report.trials[["trial_id", "epochs", "best_value"]]
    out = pd.concat([columns, report.configs[report.searched]], axis=1).dropna(subset=["best_value"])
    if out.empty:
        raise Missing(f"no trial has reported the metric{report.yet}")
    return out


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    from matplotlib.colors import LogNorm

    names = report.searched[:MOST_PANELS]
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    figure, grid = canvas(7.6, 0.4 + 2.1 * rows, nrows=rows, ncols=columns, sharey=True, squeeze=False)
    table = table.sort_values("epochs", kind="stable")  # those that say most lie on top
    values = table["best_value"].to_numpy(dtype=float)
    epochs = np.maximum(table["epochs"].to_numpy(dtype=float), 1)
    low, high = values.min(), np.quantile(values, 0.97)
    alpha = float(np.clip(300 / len(table), 0.25, 0.9))
    best = int(np.argmin(report.sign * values))
    norm = LogNorm(1, max(epochs.max(), 2))
    for name, axes in zip(names, grid.flat, strict=False):
        x = _positions(axes, table[name])
        dots = axes.scatter(x, values, s=14, c=epochs, cmap=colour_scale(), norm=norm, alpha=alpha, lw=0,
                            rasterized=len(table) > 500)  # fmt: skip
        axes.plot(x[best], values[best], "*", ms=13, mfc="none", mec=INK, mew=1.4)
        axes.set_xlabel(name)
        if log_if_wide(axes, low, high):
            axes.set_ylim(low * 0.9, high * 1.1)
        elif high > low:
            axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    for axes in list(grid.flat)[len(names) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel(f"best\n{report.metric_label}")
    bar = figure.colorbar(dots, ax=grid, label="epochs trained", aspect=30)
    bar.solids.set_alpha(1)
    plain_log(bar.ax.yaxis, dense=epochs.max() < 20)
    return figure


def _positions(axes: Any, column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Where the values lie: on a number line (logarithmic over decades), or words side by side, a little apart."""
    kinds = {type(v) for v in column.dropna()}
    numeric = all(issubclass(k, int | float | np.number) and k is not bool for k in kinds)
    if numeric and column.nunique() > 4:
        x = column.to_numpy(dtype=float)
        if np.nanmin(x) > 0 and np.nanmax(x) > 9 * np.nanmin(x):
            axes.set_xscale("log")
            plain_log(axes.xaxis, dense=np.nanmax(x) < 20 * np.nanmin(x))
        return x
    labels = sorted(column.dropna().unique(), key=lambda v: (0, v, "") if numeric else (1, 0, str(v)))
    places = {value: place for place, value in enumerate(labels)}
    axes.set_xticks(range(len(labels)), [f"{v:.3g}" if isinstance(v, float) else str(v) for v in labels])
    jitter = np.random.default_rng(0).uniform(-0.2, 0.2, len(column))
    return column.map(places).to_numpy(dtype=float) + jitter


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    best = table.iloc[int(np.argmin(report.sign * table["best_value"].to_numpy(dtype=float)))]
    at = ", ".join(
        f"{n} = {best[n]:.3g}" if isinstance(best[n], float) else f"{n} = {best[n]}" for n in report.searched
    )
    return (
        f"Scatter plots of the best {report.metric_label} of {len(table):,} trials against each of "
        f"{len(report.searched)} hyperparameters. The best trial has {at}."
    )


def _caption(report: ReportData) -> str:
    which = "The configuration is that of its best epoch. " if report.exploits else ""
    return (
        f"Each trial's best value. {which}Colour: epochs that it trained, since a value after few says little; star: the "
        "best. The worst 3 % lie outside the axes."
    )


FIGURES.register(
    "hyperparameters",
    Figure(
        "Hyperparameters",
        40,
        _caption,
        _table,
        _draw,
        _describe,
    ),
)
