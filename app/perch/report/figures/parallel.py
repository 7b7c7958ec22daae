"""Parallel coordinates: each trial as a line over all hyperparameters, to its best value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.report.axis import axis_of
from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import ReportData
from perch.report.style import INK, canvas, colour_scale

MOST_LINES = 2000
"""Trials drawn, the best and an even share of the others: more make one grey band."""


def _table(report: ReportData) -> pd.DataFrame:
    if len(report.searched) < 2:
        raise Missing(f"it needs two hyperparameters that differ between trials{report.yet}")
    out = pd.concat([report.trials[["trial_id", "best_value"]], report.configs[report.searched]], axis=1)
    out = out.dropna(subset=["best_value"])
    if out.empty:
        raise Missing(f"no trial has reported the metric{report.yet}")
    return out


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    from matplotlib.collections import LineCollection

    axes_of = [axis_of(name, table[name]) for name in report.searched]
    axes_of.append(axis_of("best_value", table["best_value"]))
    ranked = table.assign(rank=(report.sign * table["best_value"]).rank(pct=True)).sort_values("rank", ascending=False)
    if len(ranked) > MOST_LINES:
        ranked = ranked.iloc[np.unique(np.linspace(0, len(ranked) - 1, MOST_LINES).astype(int))]
    heights = np.stack([axis.place(ranked[axis.name]) for axis in axes_of], axis=1)
    figure, axes = canvas(max(6.0, 1.25 * len(axes_of)), 4.2)
    x = np.arange(len(axes_of))
    lines = [np.column_stack([x, row]) for row in np.nan_to_num(heights, nan=0.0)]
    alpha = float(np.clip(60 / len(lines), 0.08, 0.8))
    drawn = LineCollection(lines, array=ranked["rank"], cmap=colour_scale(turned=True), alpha=alpha, lw=1.0)
    drawn.set_rasterized(len(lines) > 300)
    axes.add_collection(drawn)
    axes.plot(x, heights[-1], color=INK, lw=2, label="best trial")
    for place, axis in enumerate(axes_of):
        axes.axvline(place, color=INK, lw=0.8, alpha=0.6)
        for height, text in axis.ticks():
            axes.text(place, height, f" {text}", fontsize=7.5, va="center", clip_on=False)
    names = [*report.searched, f"best {report.metric_label}"]
    axes.set_xticks(x, names, rotation=20, ha="right", fontsize=8.5)
    axes.set(xlim=(-0.1, len(axes_of) - 0.6), ylim=(-0.03, 1.03), yticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    ranked = table.sort_values("best_value", ascending=report.sign > 0)
    tenth = ranked.head(max(5, len(ranked) // 10))
    spans = []
    for name in report.searched:
        axis = axis_of(name, table[name])
        if axis.kind == "choice":
            common = tenth[name].value_counts()
            spans.append(f"{name} mostly {common.index[0]} ({int(common.iloc[0])} of {len(tenth)})")
        else:
            spans.append(f"{name} {tenth[name].min():.3g} to {tenth[name].max():.3g}")
    return (
        f"One line per trial over {len(report.searched)} hyperparameters and the best {report.metric_label}, {len(table):,} "
        f"trials. The best {len(tenth)} have {', '.join(spans)}."
    )


FIGURES.register(
    "parallel",
    Figure(
        "Configurations side by side",
        44,
        "Parallel coordinates: each trial is a line through its values, coloured by its rank, from blue (best) to yellow. "
        "Axes are logarithmic where values span more than a factor of nine.",
        _table,
        _draw,
        _describe,
    ),
)
