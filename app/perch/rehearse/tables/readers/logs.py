"""Logs of steps and seconds, as AlgoPerf's submissions left them: a CSV of evaluations, a JSON-lines file of runs.

``NAME_curves.csv[.gz]`` has the columns ``run, step, train_seconds, metric``; ``NAME_configs.jsonl[.gz]`` beside it gives
each run's workload, metric and hyperparameters. Runs differ in steps and in how often they were evaluated: a curve is the
newest value at equal shares of the training that half of the runs reached. https://github.com/mlcommons/submissions_algorithms
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from perch.dimension import Choice, Dimension, Float
from perch.errors import RecordError
from perch.rehearse.tables.reader import READERS, Reader, pick
from perch.rehearse.tables.table import COMPLETED, KNOWN_FATES, Recorded, Table, group_configs
from perch.rehearse.tables.weighting import weigh
from perch.space import Space

POINTS: Final = 30
"""Epochs that a log is read as."""
MORE_IS_BETTER: Final = ("accuracy", "ssim", "bleu", "average_precision", "map", "auc", "score")


def _configs_file(path: Path) -> Path:
    return path.with_name(path.name.replace("_curves.csv", "_configs.jsonl"))


def is_log(path: Path) -> bool:
    """A CSV of curves with its runs beside it."""
    return path.is_file() and "_curves.csv" in path.name and _configs_file(path).is_file()


def read_logs(paths: Sequence[Path], part: str | None = None) -> Table:
    """The table of one workload: every run that reported, on one grid of steps."""
    runs = _runs(_configs_file(paths[0]))
    workload = pick(paths[0], sorted({r["workload"] for r in runs if r["metric"]}), part)
    runs = [r for r in runs if r["workload"] == workload and r["metric"]]
    metric = str(runs[0]["metric"])
    sign = -1.0 if any(word in metric for word in MORE_IS_BETTER) else 1.0
    curves = pd.read_csv(paths[0])
    curves = curves[curves["run"].isin([r["run"] for r in runs])].dropna().sort_values(["run", "step"])
    length = float(curves.groupby("run")["step"].max().median()) if len(curves) else 0.0
    grid = np.linspace(length / POINTS, length, POINTS)
    kept, values, seconds = [], [], []
    for run in runs:
        own = curves[curves["run"] == run["run"]]
        own = own[own["step"] > 1]  # the first value stands for no training at all
        if len(own):
            kept.append(run)
            value, spent = _on_grid(own, grid)
            values.append(sign * value)
            seconds.append(spent)
    if not kept:
        raise RecordError(f"'{workload}' holds no curve", why="no run reported a value", fix="name another workload")
    table, time_s = np.stack(values), np.stack(seconds)
    last = np.isfinite(table).sum(axis=1)
    fates = tuple(COMPLETED if n == POINTS else "stopped" for n in last)
    weights, _ = weigh(table, last, [f in KNOWN_FATES for f in fates])
    space = _space([r["config"] for r in kept])
    distinct, config_of = group_configs(space, [space.complete(r["config"]) for r in kept])
    note = f"{sum(f != COMPLETED for f in fates)} of {len(kept)} runs ended before step {length:.0f}, which half reached; an epoch is {length / POINTS:.0f} steps"
    return Table(
        name=workload, space=space, configs=distinct, config_of=config_of, values=table, seconds=time_s, fates=fates,
        weights=weights, metric=metric, sign=sign, recorded=Recorded(), notes=(note,),
    )  # fmt: skip


def _runs(path: Path) -> list[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        runs = [json.loads(line) for line in file]
    for run in runs:
        given = {k: v for k, v in (run.get("hparams") or {}).items() if isinstance(v, (int, float, str, bool))}
        run["config"] = {"submission": run["submission"], **given}
    return runs


def _on_grid(own: pd.DataFrame, grid: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Newest value at each step of the grid, NaN beyond the last evaluation, and seconds between them."""
    steps, value = own["step"].to_numpy(float), own["metric"].to_numpy(float)
    spent = own["train_seconds"].to_numpy(float)
    place = np.searchsorted(steps, grid, side="right") - 1
    newest = np.where(place >= 0, value[np.maximum(place, 0)], value[0])
    reached = grid <= steps[-1] + 0.5 * (grid[1] - grid[0])
    rate = spent[-1] / steps[-1]
    at = np.interp(grid, np.concatenate([[0.0], steps]), np.concatenate([[0.0], spent]))
    at = np.where(grid > steps[-1], spent[-1] + rate * (grid - steps[-1]), at)
    seconds = np.maximum(np.diff(at, prepend=0.0), 1e-3)
    return np.where(reached, newest, np.nan), np.where(reached, seconds, np.nan)


def _space(configs: Sequence[dict[str, Any]]) -> Space:
    """Keys that all configurations have and that differ; numbers as a range, words as a choice."""
    shared = [k for k in configs[0] if all(k in c for c in configs)]
    dimensions: dict[str, Dimension] = {}
    for key in shared:
        seen = {c[key] for c in configs}
        if len(seen) < 2:
            continue
        if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in seen):
            low, high = float(min(seen)), float(max(seen))
            dimensions[key] = Float(low, high, low > 0 and high / low >= 100)
        else:
            dimensions[key] = Choice(tuple(sorted(seen, key=str)))
    return Space(dimensions, {})


READERS.register("logs", Reader("logs of steps and seconds (NAME_curves.csv)", is_log, read_logs))
