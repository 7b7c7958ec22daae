"""What a record says about its machine: workers, time, and the named delays between epochs and between trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from perch.record import Run
from perch.rehearse.tables.table import Recorded
from perch.simulate import Delays
from perch.vocabulary import EPOCH_S


def recorded_of(runs: Sequence[Run]) -> Recorded:
    """Medians over the runs; delays that a record does not show are zero."""
    workers = [_workers(run) for run in runs]
    times = [_time_s(run) for run in runs]
    count = round(float(np.median(workers)))
    starts = [_starts(run, count) for run in runs]
    study = runs[0].study
    return Recorded(
        workers=count, time_s=float(np.median(times)), report_s=_median([_report_s(run) for run in runs]),
        delays=Delays(start_s=_median([s for s, _ in starts]), turnover_s=_median([t for _, t in starts])),
        device=str(runs[0].summary.get("device") or ""), gpus_per_trial=study.resources.gpus_each,
    )  # fmt: skip


def _workers(run: Run) -> float:
    """Trials that ran side by side."""
    wall_s = float(run.summary.get("wall_s") or 0.0)
    return max(1.0, float(run.summary.get("worker_seconds") or 0.0) / wall_s) if wall_s else 1.0


def _time_s(run: Run) -> float:
    last = float(run.curves["time_s"].max()) if len(run.curves) else 0.0
    used = max(float(run.summary.get("wall_s") or 0.0), last)
    return min(used, run.study.budget.time) if run.study.budget.time else used


def _report_s(run: Run) -> float:
    """Between two results of a trial, beside the epoch itself."""
    curves = run.curves.sort_values(["trial_id", "epoch"])
    following = (curves["trial_id"] == curves["trial_id"].shift()) & (curves["epoch"] == curves["epoch"].shift() + 1)
    gap = (curves["time_s"].diff() - curves[EPOCH_S])[following]
    return max(float(gap.median()), 0.0) if len(gap) else 0.0


def _starts(run: Run, workers: int) -> tuple[float, float]:
    """Seconds before the first epoch, of each worker's first trial and of later ones (median)."""
    first = run.curves[run.curves["epoch"] == 1].set_index("trial_id")
    trials = run.trials.set_index("trial_id").sort_values("start_s")
    before = (first["time_s"] - first[EPOCH_S] - trials["start_s"].reindex(first.index)).reindex(trials.index)
    cold, warm = before.iloc[:workers].dropna(), before.iloc[workers:].dropna()
    return _positive(cold), _positive(warm)


def _positive(seconds: pd.Series[float]) -> float:
    return max(float(seconds.median()), 0.0) if len(seconds) else 0.0


def _median(numbers: Sequence[float]) -> float:
    finite = [n for n in numbers if np.isfinite(n)]
    return float(np.median(finite)) if finite else 0.0
