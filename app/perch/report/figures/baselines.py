"""The winner, the starting point and the baselines on the same split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import ReportData, rows
from perch.report.style import BLUE, GREY, VERMILLION, canvas
from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV


def _table(report: ReportData) -> pd.DataFrame:
    if not report.baselines:
        raise Missing("the run's summary names no baselines: they are made where Perch reads the structures")
    won, start = report.winner or report.best, report.summary["start_point"]
    if won.get(VALIDATION_MAE_EV) is None:
        raise Missing(f"no trial has reported a validation MAE{report.yet}")
    shown = [("winner" if report.winner else "best trial", won)]
    if start is not None and start["trial_id"] != won["trial_id"]:
        shown.append(("starting point", start))
    out = [{"name": n, VALIDATION_MAE_EV: e[VALIDATION_MAE_EV], TEST_MAE_EV: e.get(TEST_MAE_EV)} for n, e in shown]
    tests = report.summary["baselines_test"]
    for name, mae in report.baselines.items():
        out.append({"name": name.replace("_", " "), VALIDATION_MAE_EV: mae, TEST_MAE_EV: tests.get(name)})
    return pd.DataFrame(out).astype({VALIDATION_MAE_EV: float, TEST_MAE_EV: float})


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    figure, axes = canvas(height=1.0 + 0.42 * len(table))
    y = np.arange(len(table))
    ours = int(len(table) - len(report.baselines))
    colours = [BLUE] * ours + [GREY] * len(report.baselines)
    axes.barh(y, table[VALIDATION_MAE_EV], color=colours, height=0.65)
    if table[TEST_MAE_EV].notna().any():
        axes.plot(table[TEST_MAE_EV], y, "D", color=VERMILLION, ms=5, label="test")
        figure.legend(loc="outside lower right")
    for row, (value, test) in enumerate(zip(table[VALIDATION_MAE_EV], table[TEST_MAE_EV], strict=True)):
        end = float(np.nanmax([value, test]))
        number = axes.annotate(f"{value:.3f}", (end, row), (10, 0), textcoords="offset points", va="center", fontsize=9)
        if not np.isnan(test):
            place = {"xycoords": number, "textcoords": "offset points", "va": "center", "fontsize": 9}
            axes.annotate(f"test {test:.3f}", (1, 0.5), (8, 0), annotation_clip=False, **place)
    axes.set_yticks(y, table["name"])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.3)
    axes.set(xlabel="validation MAE (eV)")
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    parts = ", ".join(
        f"{row['name']} {row[VALIDATION_MAE_EV]:.3g} eV"
        + ("" if np.isnan(row[TEST_MAE_EV]) else f" (test {row[TEST_MAE_EV]:.3g})")
        for row in rows(table)
    )
    return f"Bars of validation mean absolute errors, diamonds for test: {parts}."


FIGURES.register(
    "baselines",
    Figure(
        "Against baselines",
        15,
        "Bars: validation error; diamonds: test error, on the same split. Winner and starting point: the mean over fresh seeds. Mean: always the training mean. Mean per adsorbate: the training mean of "
        "that adsorbate. Ridge: a linear model on composition.",
        _table,
        _draw,
        _describe,
    ),
)
