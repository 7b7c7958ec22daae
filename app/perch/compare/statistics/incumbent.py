"""The incumbent of a run: the lowest validation error that it had reported by a time, as a falling staircase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Incumbent:
    """Steps of a staircase: at ``time_s`` the best value so far fell to ``value``.

    ``time_s`` rises strictly, ``value`` falls strictly; ``test`` is the test error reported with each value, which
    never decides anything. Values are lower-is-better: a metric to be maximised comes in with its sign turned.
    """

    time_s: Array
    value: Array
    test: Array

    def at(self, time_s: ArrayLike) -> Array:
        """Best value by each time; infinity before the first report. Shape of ``time_s``."""
        step = np.searchsorted(self.time_s, np.asarray(time_s, dtype=float), side="right")
        return np.concatenate([[np.inf], self.value])[step]

    def test_at(self, time_s: ArrayLike) -> Array:
        """Test error of the incumbent at each time; NaN before the first report."""
        step = np.searchsorted(self.time_s, np.asarray(time_s, dtype=float), side="right")
        return np.concatenate([[np.nan], self.test])[step]

    def first_s(self, target: ArrayLike) -> Array:
        """Time-to-solution: the first second at which the value is at most the target; infinity when never."""
        step = np.searchsorted(-self.value, -np.asarray(target, dtype=float), side="left")
        return np.concatenate([self.time_s, [np.inf]])[step]

    @property
    def best(self) -> float:
        """The value at the end; infinity for a run that reported nothing."""
        return float(self.value[-1]) if len(self.value) else float("inf")


def incumbent(time_s: ArrayLike, value: ArrayLike, test: ArrayLike | None = None) -> Incumbent:
    """Build the staircase from reports in any order: any trial, any epoch. Non-finite values are no reports."""
    times, values = np.asarray(time_s, dtype=float), np.asarray(value, dtype=float)
    tests = np.full(times.shape, np.nan) if test is None else np.asarray(test, dtype=float)
    kept = np.isfinite(values) & np.isfinite(times)
    times, values, tests = times[kept], values[kept], tests[kept]
    order = np.lexsort((values, times))
    times, values, tests = times[order], values[order], tests[order]
    best = np.minimum.accumulate(values) if len(values) else values
    falls = np.concatenate([[True], best[1:] < best[:-1]]) if len(values) else np.zeros(0, dtype=bool)
    times, values, tests = times[falls], values[falls], tests[falls]
    last = np.concatenate([times[1:] > times[:-1], [True]]) if len(times) else np.zeros(0, dtype=bool)
    return Incumbent(times[last], values[last], tests[last])


def incumbent_of(curves: pd.DataFrame, metric: str = VALIDATION_MAE_EV, mode: str = "min") -> Incumbent:
    """The incumbent from the rows of ``curves.parquet``."""
    sign = -1.0 if mode == "max" else 1.0
    test = curves[TEST_MAE_EV].to_numpy(float) if TEST_MAE_EV in curves else None
    return incumbent(curves["time_s"].to_numpy(float), sign * curves[metric].to_numpy(float), test)
