"""The best model beside baselines on the same split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.material import Material, rows
from perch.report.style import BLUE, GREY, canvas
from perch.vocabulary import VALIDATION_MAE_EV


def _table(material: Material) -> pd.DataFrame:
    if not material.baselines:
        raise Missing("the run's summary names no baselines (they are made for data of Perch's own sources)")
    value = material.best_value if material.metric == VALIDATION_MAE_EV else material.best.get(VALIDATION_MAE_EV)
    if value is None:
        raise Missing("no trial has reported a validation MAE yet")
    out = [{"name": "best trial", VALIDATION_MAE_EV: float(value)}]
    out += [{"name": n.replace("_", " "), VALIDATION_MAE_EV: v} for n, v in material.baselines.items()]
    return pd.DataFrame(out)


def _draw(material: Material, table: pd.DataFrame) -> Any:
    figure, axes = canvas(height=0.7 + 0.42 * len(table))
    y = np.arange(len(table))
    colours = [BLUE, *[GREY] * (len(table) - 1)]
    axes.barh(y, table[VALIDATION_MAE_EV], color=colours, height=0.65)
    for row, value in enumerate(table[VALIDATION_MAE_EV]):
        axes.text(value, row, f" {value:.3f}", va="center", fontsize=9)
    axes.set_yticks(y, table["name"])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    axes.set(xlabel="validation MAE (eV)")
    return figure


def _describe(material: Material, table: pd.DataFrame) -> str:
    parts = ", ".join(f"{row['name']} {row[VALIDATION_MAE_EV]:.3g} eV" for row in rows(table))
    return f"Bars of validation mean absolute errors: {parts}."


FIGURES.register(
    "baselines",
    Figure(
        "Beside baselines",
        15,
        "Validation error on the same split. Mean: always the training mean. Mean per adsorbate: the training mean of "
        "that adsorbate. Ridge: a linear model on composition.",
        _table,
        _draw,
        _describe,
    ),
)
