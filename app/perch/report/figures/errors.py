"""Test error by adsorbate, by element and by size."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from perch.report.figure import FIGURES, Figure, Missing
from perch.report.figures.parity import predictions
from perch.report.report_data import ReportData, rows
from perch.report.style import BLUE, INK, canvas

MOST_ROWS = 24


def _table(report: ReportData) -> pd.DataFrame:
    made = predictions(report)
    test = made[made["split"] == "test"]
    if test.empty:
        raise Missing("the split has no test set")
    errors = test["error_ev"].abs()
    parts = []
    if test["adsorbate"].notna().any():
        parts.append(_mean(errors, test["adsorbate"], "adsorbate"))
    exploded = test["formula"].map(elements).explode().dropna()
    parts.append(_mean(errors.loc[exploded.index], exploded, "element"))
    edges = sorted({int(q) for q in np.quantile(test["size"], [0, 0.25, 0.5, 0.75, 1])})
    if len(edges) > 1:
        sizes = pd.cut(test["size"], [edges[0] - 1, *edges[1:]]).map(
            lambda i: f"{int(i.left) + 1}–{int(i.right)} atoms"
        )
    else:
        sizes = test["size"].map(lambda n: f"{n} atoms")
    parts.append(_mean(errors, sizes.astype(str), "size", by_error=False))
    return pd.concat(parts, ignore_index=True)


def elements(formula: str) -> list[str]:
    """The elements of a formula, each once."""
    return sorted(set(re.findall(r"[A-Z][a-z]?", str(formula))))


def _mean(errors: pd.Series[Any], groups: pd.Series[Any], by: str, *, by_error: bool = True) -> pd.DataFrame:
    grouped = pd.DataFrame({"group": groups.to_numpy(), "error": errors.to_numpy()}).dropna().groupby("group")["error"]
    out = grouped.agg(structures="size", test_mae_ev="mean", deviation_ev="std").reset_index()
    out["standard_error_ev"] = out.pop("deviation_ev") / np.sqrt(out["structures"])
    if by_error:
        out = out.sort_values("test_mae_ev", ascending=False)
    else:
        out = out.sort_values("group", key=lambda g: g.str.extract(r"(\d+)")[0].astype(int))
    return out.assign(by=by)[["by", "group", "structures", "test_mae_ev", "standard_error_ev"]]


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    kinds = list(dict.fromkeys(table["by"]))
    lines = max(min(int((table["by"] == k).sum()), MOST_ROWS) for k in kinds)
    figure, grid = canvas(8.0, 1.0 + 0.26 * lines, ncols=len(kinds), squeeze=False)
    for kind, axes in zip(kinds, grid[0], strict=True):
        part = table[table["by"] == kind].head(MOST_ROWS)
        y = np.arange(len(part))
        bars = part["standard_error_ev"].fillna(0)
        axes.barh(y, part["test_mae_ev"], xerr=bars, color=BLUE, height=0.65, error_kw={"ecolor": INK, "lw": 1})
        axes.set_yticks(y, [f"{g} ({n})" for g, n in zip(part["group"], part["structures"], strict=True)], fontsize=8)
        axes.set_ylim(lines - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set(xlabel="test MAE (eV)", title=f"by {kind}")
        axes.set_xlim(left=0)
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    parts = []
    for kind, part in table.groupby("by", sort=False):
        ordered = rows(part.sort_values("test_mae_ev"))
        least, worst = ordered[0], ordered[-1]
        parts.append(
            f"by {kind} from {least['test_mae_ev']:.3f} eV ({least['group']}) to {worst['test_mae_ev']:.3f} eV "
            f"({worst['group']})"
        )
    return f"Bars of the test error: {'; '.join(parts)}."


FIGURES.register(
    "errors",
    Figure(
        "Error by adsorbate, element and size",
        70,
        "Test error of the ensemble by group, number of structures in brackets; the thin lines are standard errors. "
        f"At most {MOST_ROWS} groups are drawn, the worst first; the CSV file holds all.",
        _table,
        _draw,
        _describe,
    ),
)
