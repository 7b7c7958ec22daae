"""The trials of a run's search, without those that confirm them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perch.record.protocol import Record

if TYPE_CHECKING:
    import pandas as pd


def search_trials(run: Record) -> pd.DataFrame:
    """Rows of ``trials.parquet`` whose phase is ``search``; of a run without a trial, the table without columns."""
    trials = run.trials
    return trials if trials.empty else trials[trials["phase"] == "search"]
