"""Does the ensemble know when it is wrong? Its deviation against its error, and the share of targets it covers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.figures.parity import predictions
from perch.report.report_data import ReportData
from perch.report.style import BLUE, INK, canvas

FEWEST = 10
"""Test structures below which nothing is said about calibration."""


def _table(report: ReportData) -> pd.DataFrame:
    made = predictions(report)
    test = made[(made["split"] == "test") & made["deviation_ev"].notna()]
    if len(test) < FEWEST:
        raise Missing(f"calibration needs at least {FEWEST} test structures with a deviation; there are {len(test)}")
    if not (test["deviation_ev"] > 0).any():
        raise Missing("the ensemble has one member, so it has no deviation")
    return test[["id", "target_ev", "prediction_ev", "deviation_ev", "error_ev"]].reset_index(drop=True)


def coverage(table: pd.DataFrame) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Expected and observed shares of targets within the central interval of a normal distribution."""
    from scipy.special import ndtri

    expected = np.linspace(0.02, 0.98, 49)
    scaled = table["error_ev"].abs().to_numpy() / np.maximum(table["deviation_ev"].to_numpy(), 1e-12)
    half_widths = ndtri(0.5 + expected / 2)
    return expected, (scaled[None, :] <= half_widths[:, None]).mean(axis=1)


def rank_correlation(table: pd.DataFrame) -> float:
    """Spearman's correlation between deviation and absolute error."""
    return float(table["deviation_ev"].rank().corr(table["error_ev"].abs().rank()))


def scale(table: pd.DataFrame) -> float:
    """What deviations must be multiplied by so that scaled errors have unit variance."""
    return float(np.sqrt(((table["error_ev"] / np.maximum(table["deviation_ev"], 1e-12)) ** 2).mean()))


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    figure, (left, right) = canvas(7.6, 3.6, ncols=2)
    deviation, error = table["deviation_ev"], table["error_ev"].abs()
    left.plot(deviation, error, ".", color=BLUE, alpha=0.7, rasterized=len(table) > 2000)
    top = float(deviation.max())
    left.plot([0, top], [0, top], color=INK, lw=1, label="error = deviation")
    left.plot([0, top], [0, 2 * top], color=INK, lw=1, ls="--", label="error = 2 × deviation")
    left.set(xlabel="deviation of the ensemble (eV)", ylabel="absolute error (eV)")
    left.set_ylim(0, float(error.max()) * 1.3)
    left.legend(loc="upper left", fontsize=8)
    expected, observed = coverage(table)
    right.plot(expected * 100, observed * 100, color=BLUE, lw=2, label="ensemble")
    right.plot([0, 100], [0, 100], color=INK, lw=1, label="calibrated")
    right.fill_between(expected * 100, expected * 100, observed * 100, color=BLUE, alpha=0.2)
    right.set(xlabel="expected within the interval (%)", ylabel="observed (%)", xlim=(0, 100), ylim=(0, 100))
    right.legend(loc="upper left", fontsize=8)
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    expected, observed = coverage(table)
    at68 = float(np.interp(0.6827, expected, observed))
    area = float(np.trapezoid(np.abs(observed - expected), expected))
    factor = scale(table)
    word = "too small" if factor > 1.1 else "too large" if factor < 0.9 else "about right"
    return (
        f"On {len(table):,} test structures {at68:.0%} of the targets lie within one deviation (calibrated: 68 %); "
        f"deviations are {word} (factor {factor:.2f}); miscalibration area {area:.3f}; rank correlation of deviation "
        f"and error {rank_correlation(table):.2f}."
    )


FIGURES.register(
    "calibration",
    Figure(
        "Does the ensemble know when it is wrong?",
        80,
        "Left: absolute test error against the deviation between ensemble members. Right: share of targets inside the "
        "interval that should hold that share, if errors were normal with the ensemble's deviation.",
        _table,
        _draw,
        _describe,
    ),
)
