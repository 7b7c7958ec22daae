"""Learning curves of all trials, coloured by what became of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import FATES, ReportData
from perch.report.style import FATE_COLOURS, INK, canvas, log_if_wide, plain_log

RASTER_ABOVE = 300
"""More curves than this are drawn as an image inside the vector graphic, so that the file stays small."""

MOST_LINES = 5_000
"""Of more trials an even share is drawn: more lines on top of each other show nothing and take time."""


def _every(report: ReportData) -> int:
    """Every so many-th curve of a fate is drawn."""
    return max(1, -(-len(report.trials) // MOST_LINES))


def _table(report: ReportData) -> pd.DataFrame:
    if report.metric not in report.curves or report.curves[report.metric].notna().sum() == 0:
        raise Missing(f"no trial has reported the metric{report.yet}")
    curves = report.curves[["trial_id", "segment", "epoch", report.metric]]
    fates = pd.Series(report.fates.to_numpy(), index=report.trials["trial_id"])
    return curves.assign(fate=curves["trial_id"].map(fates).fillna("running"))


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    from matplotlib.collections import LineCollection

    figure, axes = canvas(height=4.2)
    counts = report.fates.value_counts()
    for fate in FATES:
        lines = _lines(table[table["fate"] == fate], report.metric)[:: _every(report)]
        if not lines:
            continue
        alpha = float(np.clip(30 / len(lines), 0.12, 0.9))
        colour = FATE_COLOURS[fate]
        drawn = LineCollection(lines, colors=colour, linewidths=1.0, alpha=alpha)
        drawn.set_rasterized(len(table["trial_id"].unique()) > RASTER_ABOVE)
        axes.add_collection(drawn)
        ends = np.array([line[-1] for line in lines])
        axes.plot(ends[:, 0], ends[:, 1], ".", ms=2.5, color=colour, alpha=alpha, mew=0, rasterized=len(ends) > 300)
        axes.plot([], [], color=colour, lw=2, label=f"{fate} ({counts.get(fate, 0):,})")
    best = table[table["trial_id"] == report.best.get("trial_id")]
    if len(best):
        for number, line in enumerate(_lines(best, report.metric)):
            axes.plot(*line.T, color=INK, lw=1.8, label="best trial" if number == 0 else None)
    _limits(axes, table, report.metric)
    axes.set(xlabel="epoch", ylabel=report.metric_label)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _lines(curves: pd.DataFrame, metric: str) -> list[np.ndarray[Any, Any]]:
    """One (epochs, 2) array per segment of a trial."""
    curves = curves.dropna(subset=[metric])
    if curves.empty:
        return []
    points = curves[["epoch", metric]].to_numpy(dtype=float)
    new = (curves["trial_id"].to_numpy()[1:] != curves["trial_id"].to_numpy()[:-1]) | (
        curves["segment"].to_numpy()[1:] != curves["segment"].to_numpy()[:-1]
    )
    return np.split(points, np.flatnonzero(new) + 1)


def _limits(axes: Any, table: pd.DataFrame, metric: str) -> None:
    """Show all but the wildest values; logarithmic axes where the numbers span decades."""
    values = table[metric].dropna().to_numpy(dtype=float)
    low, high = float(values.min()), float(np.quantile(values, 0.98))
    if log_if_wide(axes, low, high):
        axes.set_ylim(low * 0.9, high * 1.15)
    else:
        margin = 0.06 * (high - low) or 1.0
        axes.set_ylim(low - margin, high + margin)
    last = float(table["epoch"].max())
    axes.set_xlim(0.9 if last > 12 else 0.5, last * 1.05 + 0.2)
    if last > 12:
        axes.set_xscale("log")
        plain_log(axes.xaxis, ticks=9)


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    fates = ", ".join(f"{n:,} {fate}" for fate, n in report.fates.value_counts().items())
    return (
        f"Learning curves of {table['trial_id'].nunique():,} trials, {report.metric_label} against epoch up to "
        f"{table['epoch'].max()}, coloured by fate: {fates}. The best trial is drawn on top."
    )


def _caption(report: ReportData) -> str:
    wild = " The wildest 2 % of the values lie outside the axes."
    if (every := _every(report)) > 1:
        wild += f" One in {every:,} of each colour is drawn, and the best trial."
    if report.exploits:
        return "One line per segment: a trial that took over another's weights starts a new one, at that epoch." + wild
    if not (report.fates == "collapsed").any():
        return "One line per trial, coloured by what became of it; a dot where it ended." + wild
    return (
        "One line per trial, coloured by what became of it; a dot where it ended. Collapsed: trained for a tenth of "
        "the epochs or more and never below 98 % of the mean predictor's error." + wild
    )


FIGURES.register(
    "learning_curves",
    Figure(
        "Learning curves",
        20,
        _caption,
        _table,
        _draw,
        _describe,
    ),
)
