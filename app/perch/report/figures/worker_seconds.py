"""Where the workers' seconds went."""

from __future__ import annotations

from typing import Any

import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import ReportData, rows
from perch.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, canvas
from perch.vocabulary import ACTIVITIES

COLOURS = dict(zip(ACTIVITIES, (BLUE, SKY, ORANGE, PURPLE, VERMILLION, GREEN, GREY), strict=True))


def _table(report: ReportData) -> pd.DataFrame:
    given = report.overheads.groupby("activity")["seconds"].sum() if len(report.overheads) else pd.Series(dtype=float)
    seconds = {a: float(given[a]) for a in ACTIVITIES if a in given}
    total = sum(seconds.values())
    if total <= 0:
        raise Missing(f"no worker has reported where its time went{report.yet}")
    shares = [{"activity": a, "seconds": s, "share": s / total} for a, s in seconds.items()]
    return pd.DataFrame(shares)


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    figure, axes = canvas(height=1.7)
    left = 0.0
    for row in rows(table):
        if row["seconds"] <= 0:
            continue
        share, activity = 100 * row["share"], row["activity"]
        axes.barh(0, share, left=left, height=0.6, color=COLOURS[activity], label=f"{activity} {share:.1f} %")
        left += share
    axes.set(xlim=(0, 100), xlabel="share of the worker seconds (%)", yticks=[])
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    shares = ", ".join(f"{row['activity']} {row['share']:.1%}" for row in rows(table))
    return f"Bar of {table['seconds'].sum():,.0f} worker seconds: {shares}."


FIGURES.register(
    "worker_seconds",
    Figure(
        "Where worker seconds went",
        50,
        "All seconds of all workers, from the first start to the last report.",
        _table,
        _draw,
        _describe,
    ),
)
