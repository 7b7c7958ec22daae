"""The incumbent over time: the best value reported so far, any epoch, any trial."""

from __future__ import annotations

from typing import Any

import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import ReportData
from perch.report.style import BLUE, GREEN, INK, ORANGE, VERMILLION, canvas, plain_log
from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV

LINES = (("ridge_composition", GREEN, "--"), ("mean_per_adsorbate", ORANGE, "-."), ("mean", INK, ":"))


def _table(report: ReportData) -> pd.DataFrame:
    if report.incumbents.empty:
        raise Missing(f"no trial has reported the metric{report.yet}")
    return report.incumbents


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    figure, axes = canvas()
    end_s = max(float(report.curves["time_s"].max()), float(table["time_s"].iloc[-1]))
    scale, unit = (3600.0, "hours") if end_s > 2 * 3600 else (60.0, "minutes") if end_s > 180 else (1.0, "seconds")
    times = [*table["time_s"] / scale, end_s / scale]
    axes.step(times, [*table["value"], table["value"].iloc[-1]], where="post", color=BLUE, lw=2.2)
    axes.plot(table["time_s"] / scale, table["value"], "o", color=BLUE, ms=4, label=f"best {report.metric_label}")
    if TEST_MAE_EV in table:
        label = "test MAE of the same epoch"
        axes.plot(table["time_s"] / scale, table[TEST_MAE_EV], "x", color=VERMILLION, ms=5, label=label)
    if report.metric == VALIDATION_MAE_EV:
        top = float(table["value"].max())
        for name, colour, style in LINES:
            if (value := report.baselines.get(name)) is not None and value <= 1.6 * top:
                axes.axhline(value, color=colour, ls=style, lw=1.3, label=f"{name.replace('_', ' ')} {value:.3g}")
        if float(table["value"].max()) > 4 * float(table["value"].min()) > 0:
            axes.set_yscale("log")
            plain_log(axes.yaxis)
    ended = int(report.trials["status"].isin(["completed", "stopped", "failed", "diverged"]).sum())
    axes.set_title(f"{ended:,} trials ended", loc="right")
    axes.set_xlim(left=0)
    axes.set(xlabel=f"consumed time ({unit})", ylabel=report.metric_label)
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    return (
        f"Step line of the best {report.metric_label} against consumed time: from {first['value']:.3g} after "
        f"{first['time_s']:.0f} s to {last['value']:.3g} after {last['time_s']:.0f} s (trial {last['trial_id']}, "
        f"epoch {last['epoch']}), in {len(table)} improvements."
    )


FIGURES.register(
    "incumbent",
    Figure(
        "Best so far",
        10,
        "The incumbent: the best value reported by then, at any epoch of any trial. Time counts while the run works; "
        "interruptions are left out. The test error of the same epoch is shown too; it is never used to choose.",
        _table,
        _draw,
        _describe,
    ),
)
