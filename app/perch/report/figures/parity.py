"""Parity: predictions of the ensemble in ``best/`` against targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import ReportData
from perch.report.style import INK, SPLIT_COLOURS, canvas

NO_PREDICTIONS = "best/predictions.parquet is not there: it is written at the end of a run that trains Perch's models"


def predictions(report: ReportData) -> pd.DataFrame:
    """Predictions with ``error_ev`` (prediction minus target); raises Missing when there are none."""
    if report.predictions is None or report.predictions.empty:
        raise Missing(NO_PREDICTIONS)
    made = report.predictions
    return made.assign(error_ev=made["prediction_ev"] - made["target_ev"])


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    figure, axes = canvas(5.0, 5.4)
    for split, colour in SPLIT_COLOURS.items():
        part = table[table["split"] == split]
        if part.empty:
            continue
        label = f"{split}: {len(part):,} structures, MAE {part['error_ev'].abs().mean():.3f} eV"
        size, alpha = (8, 0.4) if split == "train" else (18, 0.8)
        raster = len(part) > 2000
        axes.scatter(
            part["target_ev"],
            part["prediction_ev"],
            s=size,
            color=colour,
            alpha=alpha,
            lw=0,
            label=label,
            rasterized=raster,
        )
    ends = [table[["target_ev", "prediction_ev"]].min().min(), table[["target_ev", "prediction_ev"]].max().max()]
    axes.plot(ends, ends, color=INK, lw=1)
    axes.set(xlabel="target (eV)", ylabel="prediction (eV)", aspect="equal")
    figure.legend(loc="outside lower left")
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    parts = [
        f"{split}: mean absolute error {part['error_ev'].abs().mean():.3f} eV over {len(part):,} structures, "
        f"root mean square {np.sqrt((part['error_ev'] ** 2).mean()):.3f} eV"
        for split, part in table.groupby("split", sort=True)
    ]
    return f"Scatter plot of predictions against targets. {'; '.join(parts)}."


FIGURES.register(
    "parity",
    Figure(
        "Parity",
        60,
        "Mean prediction of the ensemble in best/ against the target, one dot per structure; on the line they agree.",
        predictions,
        _draw,
        _describe,
    ),
)
