"""The path that led to the best under PBT: its segments, each followed back to the donor's checkpoint."""

from __future__ import annotations

import pandas as pd


def path(curves: pd.DataFrame, trial_id: str, segment: int) -> pd.DataFrame:
    """Rows of ``curves`` from the first ancestor's first epoch to the last epoch of ``(trial_id, segment)``."""
    groups = dict(curves.groupby(["trial_id", "segment"], sort=False).__iter__())
    parts: list[pd.DataFrame] = []
    at: tuple[str, int] | None = (trial_id, segment)
    until: int | None = None
    while at is not None and at in groups:
        rows = groups[at]
        parts.insert(0, rows if until is None else rows[rows["epoch"] <= until])
        first = rows.iloc[0]
        parent = first.get("parent_trial_id")
        if parent is None or pd.isna(parent):
            break
        at, until = (str(parent), int(first["parent_segment"])), int(first["parent_epoch"])
    return pd.concat(parts, ignore_index=True) if parts else curves.iloc[:0]
