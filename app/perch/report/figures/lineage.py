"""PBT: the best trial's lineage, its error above and its learning rate below, over epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.record.ancestry import path
from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import ReportData
from perch.report.style import BLUE, GREY, INK, VERMILLION, canvas, log_if_wide, plain_log
from perch.vocabulary import LEARNING_RATE, TEST_MAE_EV


def _table(report: ReportData) -> pd.DataFrame:
    curves = report.curves
    if not report.exploits:
        raise Missing("no trial has gone on from another one's checkpoint (only PBT does that)")
    best = report.incumbents.iloc[-1]
    columns = ["trial_id", "segment", "epoch", "time_s", report.metric]
    columns += [c for c in (TEST_MAE_EV, LEARNING_RATE) if c in curves and c != report.metric]
    return path(curves, (str(best["trial_id"]), int(best["segment"])))[columns]


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    has_rate = LEARNING_RATE in table
    heights = {"height_ratios": [2, 1]} if has_rate else {}
    figure, grid = canvas(7.2, 4.8 if has_rate else 3.4, nrows=1 + has_rate, sharex=True, squeeze=False, **heights)
    above = grid[0, 0]
    for _, rows in report.curves.groupby(["trial_id", "segment"], sort=False):
        above.plot(rows["epoch"], rows[report.metric], color=GREY, alpha=0.25, lw=0.8, rasterized=True)
    above.plot(table["epoch"], table[report.metric], color=BLUE, lw=2, label=f"best lineage, {report.metric_label}")
    if TEST_MAE_EV in table:
        above.plot(table["epoch"], table[TEST_MAE_EV], color=VERMILLION, lw=1.5, label="best lineage, test MAE (eV)")
    values = report.curves[report.metric].dropna()
    low, high = float(values.min()), float(values.quantile(0.97))
    log_if_wide(above, low, high)
    above.set(ylabel=report.metric_label, ylim=(low * 0.95 if low > 0 else low, max(high, low + 1e-9)))
    above.legend(loc="upper right")
    if has_rate:
        below = grid[1, 0]
        below.step(table["epoch"], table[LEARNING_RATE], where="post", color=INK, lw=1.6)
        below.set(ylabel="learning rate", yscale="log")
        plain_log(below.yaxis, ticks=5)
    for epoch in _joints(table):
        for axes in grid[:, 0]:
            axes.axvline(epoch, color=INK, alpha=0.35, lw=0.8, ls=":")
    grid[-1, 0].set_xlabel("epoch")
    return figure


def _joints(table: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Epochs after which the lineage went on under another configuration."""
    changed = (table[["trial_id", "segment"]] != table[["trial_id", "segment"]].shift(-1)).any(axis=1).to_numpy()
    return table["epoch"].to_numpy()[:-1][changed[:-1]]


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    rate = ""
    if LEARNING_RATE in table:
        rates = table[LEARNING_RATE]
        rate = f" The learning rate goes from {rates.iloc[0]:.3g} to {rates.iloc[-1]:.3g}."
    return (
        f"Lineage of the best trial over {len(table)} epochs and {len(_joints(table)) + 1} segments: "
        f"{report.metric_label} from {table[report.metric].iloc[0]:.3g} to {table[report.metric].min():.3g}.{rate}"
    )


FIGURES.register(
    "lineage",
    Figure(
        "The winning lineage",
        25,
        "What PBT's best trial inherited, as one continuous run: the error above, the learning rate below. Dotted lines: "
        "the weights came from another trial, or the configuration changed. 'perch schedule RUN' reads a schedule off it.",
        _table,
        _draw,
        _describe,
    ),
)
