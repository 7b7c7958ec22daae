"""A run's clock without the time that collapsed trials took.

Much of a wide search space may hold networks that never leave the mean predictor. Strategies that stop trials early owe
part of their gain to killing these. What would be left in a space without them is estimated by taking the worker seconds
of their epochs off the clock: a second in which c of w workers trained such trials counts 1 - c / w.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def without_collapsed(curves: pd.DataFrame, collapsed: set[str], workers: float) -> pd.DataFrame:
    """Rows of the other trials, with ``time_s`` on that clock; their order is kept."""
    gone = curves["trial_id"].isin(collapsed)
    kept = curves[~gone].copy()
    if not gone.any():
        return kept
    end_s = curves.loc[gone, "time_s"].to_numpy(float)
    start_s = end_s - curves.loc[gone, "epoch_s"].to_numpy(float)
    time_s = kept["time_s"].to_numpy(float)
    kept["time_s"] = time_s - (_since(time_s, start_s) - _since(time_s, end_s)) / workers
    return kept


def _since(time_s: NDArray[np.float64], moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over past moments of the time that has gone by since each."""
    ordered = np.sort(moments)
    total = np.concatenate([[0.0], np.cumsum(ordered)])
    past = np.searchsorted(ordered, time_s, side="right")
    return np.asarray(past * time_s - total[past])
