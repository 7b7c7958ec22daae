"""The trials as columns and rows, for the script that sorts and filters them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from perch.report.report_data import ReportData

TABLE_COLUMNS = (
    "trial_id",
    "fate",
    "epochs",
    "best_value",
    "test_mae_ev",
    "rung",
    "bracket",
    "start_s",
    "end_s",
    "failure",
    "error",
)
"""Columns of the trials table that come before the hyperparameters; those that a run does not have are left out."""


HIDDEN = ("rung", "bracket", "start_s", "end_s")
"""Columns that are shown when a reader chooses them: a trial's card says the same."""


def trials_table(report: ReportData) -> dict[str, Any]:
    """The trials as columns and rows, for the script that sorts and filters them."""
    trials = report.trials.assign(fate=report.fates)
    named = [c for c in TABLE_COLUMNS if c in trials and trials[c].notna().any()]
    named += [str(c) for c in trials if str(c).startswith("test_mae_ev_")]
    shown = pd.concat([trials[named], report.further_metrics, report.configs[report.searched]], axis=1)
    shown = shown.rename(columns={"best_value": f"best {report.metric}", "fate": "state"})
    columns = [str(c) for c in shown.columns]
    values = [[_cell(v) for v in row] for row in shown.astype(object).to_numpy()]
    order = columns.index(f"best {report.metric}") if f"best {report.metric}" in columns else 0
    hidden = [c for c in columns if c in HIDDEN]
    return {"columns": columns, "rows": values, "sort": order, "descending": report.sign < 0, "hidden": hidden}


def _cell(value: Any) -> Any:
    """A value as JSON holds it: null for what is missing, four digits for numbers, long messages cut."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if not math.isfinite(value):
            return None
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 1e15 else float(f"{number:.5g}")
    text = str(value)
    return text if len(text) <= 300 else text[:299] + "…"
