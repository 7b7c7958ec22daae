"""The rungs as a funnel: how many trials trained that far, and what became of them there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import FATES, ReportData, rows
from perch.report.style import FATE_COLOURS, INK, canvas

MOST_ROWS = 12


def _table(report: ReportData) -> pd.DataFrame:
    trials = report.trials
    if trials.empty:
        raise Missing(f"no trial has started{report.yet}")
    if "rung" not in trials or trials["rung"].dropna().empty:
        raise Missing("no trial has been compared with others at a rung")
    rungs = _spaced(sorted({int(r) for r in trials["rung"].dropna()}))
    if report.epochs > rungs[-1]:
        rungs.append(report.epochs)
    epochs = trials["epochs"].fillna(0).to_numpy()
    out = []
    for rung, following in zip(rungs, [*rungs[1:], np.inf], strict=True):
        reached = epochs >= rung
        ended = reached & (epochs < following)
        row: dict[str, Any] = {
            "epochs": rung,
            "reached": int(reached.sum()),
            "went_on": int((epochs >= following).sum()),
        }
        row |= {fate: int((ended & (report.fates == fate)).sum()) for fate in FATES}
        out.append(row)
    return pd.DataFrame(out)


def _spaced(rungs: list[int]) -> list[int]:
    """At most ``MOST_ROWS`` rungs, evenly by rank: a rule that judges every epoch has one per epoch."""
    if len(rungs) <= MOST_ROWS:
        return rungs
    return [rungs[i] for i in sorted({round(p) for p in np.geomspace(1, len(rungs), MOST_ROWS) - 1})]


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    figure, axes = canvas(height=0.9 + 0.5 * len(table))
    y = np.arange(len(table))
    left = table["went_on"].to_numpy(dtype=float)
    axes.barh(y, left, color=INK, alpha=0.35, label="went on to the next")
    for fate in FATES:
        width = table[fate].to_numpy(dtype=float)
        if width.any():
            axes.barh(y, width, left=left, color=FATE_COLOURS[fate], label=fate)
            left = left + width
    for row, total in enumerate(table["reached"]):
        axes.text(total, row, f" {total:,}", va="center", fontsize=9)
    axes.set_yticks(y, [f"{e} epoch{'s' * (e > 1)}" for e in table["epochs"]])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set(xlabel="trials that trained at least so far")
    axes.set_xlim(0, 1.12 * float(table["reached"].max()))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    steps = "; ".join(f"{row['reached']:,} trials at {row['epochs']} epochs" for row in rows(table))
    return f"Funnel of the rungs: {steps}."


FIGURES.register(
    "rungs",
    Figure(
        "Rungs",
        30,
        "How far trials trained. At each rung a trial is compared with those that came before it; the better share "
        "goes on.",
        _table,
        _draw,
        _describe,
    ),
)
