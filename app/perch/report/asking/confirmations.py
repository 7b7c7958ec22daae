"""The configurations that were trained again with fresh seeds: one row each, over its seeds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from perch.record.words import window_of
from perch.report.report_data import ReportData, words
from perch.vocabulary import TEST_MAE_EV


def confirmations(report: ReportData) -> dict[str, Any] | None:
    """Columns and rows: the trial, how many seeds have ended, mean and deviation of the metric and of the test error.

    None where nothing was trained again. Rows are in the order of their settled values' means, the best first.
    """
    table = report.confirmed
    if table.empty or "confirms" not in table:
        return None
    ended = table[table["status"].isin(["completed", "stopped"])]
    first = report.trials.set_index("trial_id")["best_value"]
    tested = TEST_MAE_EV in table and table[TEST_MAE_EV].notna().any() and report.metric != TEST_MAE_EV
    window = window_of(report.summary)
    by = "settled_value" if window > 1 else "best_value"
    found = []
    for trial, asked in table.groupby("confirms", sort=False):
        seeds = ended[ended["confirms"] == trial]
        values = seeds["best_value"].dropna()
        row = [str(trial), f"{len(values)} of {len(asked)}", _number(first.get(trial)), _mean(values)]
        row += [_mean(seeds[TEST_MAE_EV].dropna())] if tested else []
        judged = seeds[by].dropna()
        row += [_mean(judged)] if window > 1 else []
        found.append((report.sign * float(judged.mean()) if len(judged) else float("inf"), row))
    columns = ["trial", "seeds", f"{report.metric_label} in the search", f"{report.metric_label}, trained again"]
    columns += [f"{words(TEST_MAE_EV)}, trained again"] if tested else []
    columns += [f"… settled, {window} epochs in a row"] if window > 1 else []
    return {"columns": columns, "rows": [row for _, row in sorted(found, key=lambda one: one[0])]}


def _mean(values: pd.Series[Any]) -> str:
    """Mean, and deviation where there are two values."""
    if values.empty:
        return "–"
    return _number(values.mean()) + (f" ± {values.std():.2g}" if len(values) > 1 else "")


def _number(value: Any) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.4g}"
