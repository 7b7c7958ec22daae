"""A run as CSV: a file of trials and one of curves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from perch.errors import RecordError
from perch.export.trials import flat
from perch.record.protocol import Record


def to_csv(run: Record, folder: Path) -> list[Path]:
    """Write ``trials.csv`` (a column per hyperparameter, ``config.lr``) and ``curves.csv`` into a folder; returns the files."""
    tables = {"trials.csv": _trials(run.trials), "curves.csv": run.curves.drop(columns="config", errors="ignore")}
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            table.to_csv(folder / name, index=False)
            written.append(folder / name)
    except OSError as error:
        raise RecordError(f"cannot write into '{folder}'", why=str(error), fix="give another folder") from error
    return written


def _trials(table: pd.DataFrame) -> pd.DataFrame:
    if table.empty:
        return table
    configs = pd.DataFrame([flat(config) for config in table["config"]], index=table.index)
    return pd.concat([table.drop(columns="config"), configs], axis=1)
