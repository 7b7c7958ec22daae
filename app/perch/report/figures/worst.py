"""The ten test structures with the largest errors, drawn from above and from the side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.figures.parity import predictions
from perch.report.report_data import ReportData, rows
from perch.report.style import GREY, INK, canvas

HOW_MANY = 10
STRUCTURES_FILE = "best/worst.extxyz"


def _table(report: ReportData) -> pd.DataFrame:
    made = predictions(report)
    test = made[made["split"] == "test"]
    if test.empty:
        raise Missing("the split has no test set")
    worst = test.reindex(test["error_ev"].abs().sort_values(ascending=False, kind="stable").index).head(HOW_MANY)
    columns = ["id", "formula", "adsorbate", "size", "target_ev", "prediction_ev", "error_ev", "deviation_ev"]
    return worst[columns].reset_index(drop=True)


def structures(report: ReportData) -> dict[str, Any]:
    """Structures by id, from the file that the end of a run leaves; empty when there is none."""
    file = report.folder / STRUCTURES_FILE
    if not file.exists():
        return {}
    from ase.io import read

    return {str(atoms.info.get("id")): atoms for atoms in read(file, index=":", format="extxyz")}


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    known = structures(report)
    if not known:
        return _bars(table)
    columns = min(5, len(table))
    lines = -(-len(table) // columns)
    figure, grid = canvas(8.4, 2.9 * lines, nrows=lines, ncols=columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for row, axes in zip(rows(table), grid.flat, strict=False):
        axes.set_title(f"{row['formula']}\n{row['error_ev']:+.2f} eV", fontsize=8)
        if (atoms := known.get(str(row["id"]))) is not None:
            _atoms(axes, atoms)
    return figure


def _bars(table: pd.DataFrame) -> Any:
    """Errors as bars, where the run has left no structures to draw."""
    figure, axes = canvas(height=0.8 + 0.34 * len(table))
    y = np.arange(len(table))
    line = {"ecolor": INK, "lw": 1}
    axes.barh(y, table["error_ev"], xerr=table["deviation_ev"].fillna(0), color=GREY, height=0.65, error_kw=line)
    axes.set_yticks(y, [f"{f}  {i}" for f, i in zip(table["formula"], table["id"], strict=True)], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color=INK, lw=1)
    axes.set(xlabel="prediction − target (eV)")
    return figure


def _atoms(axes: Any, atoms: Any) -> None:
    """Two views of a structure: from above, and below it from the side; far atoms first, radii to scale."""
    from ase.data import covalent_radii
    from ase.data.colors import jmol_colors
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle

    x, y, z = atoms.get_positions().T
    gap = (y.min() - z.max()) - 4.0
    views = ((x, y, z), (x, z + gap, -y))
    for across, up, towards in views:
        order = np.argsort(towards, kind="stable")
        circles = [Circle((across[i], up[i]), covalent_radii[atoms.numbers[i]]) for i in order]
        colours = [jmol_colors[atoms.numbers[i]] for i in order]
        axes.add_collection(PatchCollection(circles, facecolors=colours, edgecolors=INK, linewidths=0.6))
    axes.set_aspect("equal")
    axes.autoscale_view()


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    parts = ", ".join(f"{row['formula']} {row['error_ev']:+.2f} eV" for row in rows(table))
    return f"The {len(table)} test structures with the largest errors (prediction minus target): {parts}."


FIGURES.register(
    "worst",
    Figure(
        "Worst test structures",
        90,
        "The ten largest test errors, prediction minus target. Where the run has kept the structures they are drawn from "
        "above and from the side.",
        _table,
        _draw,
        _describe,
    ),
)
