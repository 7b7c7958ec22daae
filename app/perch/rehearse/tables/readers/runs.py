"""Runs of Perch as a record: a run folder, several of one study, or a comparison's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from perch.compare.runs.alike import check_alike
from perch.errors import RecordError
from perch.record import Run, load
from perch.rehearse.tables.measured import recorded_of
from perch.rehearse.tables.reader import READERS, Reader
from perch.rehearse.tables.table import COMPLETED, DIVERGED, FAILED, FEWEST_CURVES, KNOWN_FATES, Table, group_configs
from perch.rehearse.tables.weighting import weigh
from perch.strategies.registry import STRATEGIES
from perch.vocabulary import EPOCH_S, TEST_MAE_EV, TRAINING_LOSSES

FULL = ("rs", "design")
"""Configurations that nobody chose, all trained to the end: nothing to weigh back but what the end cut."""


def is_run(path: Path) -> bool:
    """A run folder, or a folder of runs as a comparison leaves it."""
    return path.is_dir() and ((path / "study.yaml").is_file() or bool(_runs_in(path)))


def read_runs(paths: Sequence[Path], part: str | None = None) -> Table:
    """The table of all runs. Of a comparison: its random search where that has curves enough, else all random runs."""
    folders = [folder for path in paths for folder in (_runs_in(path) or [path])]
    if part is not None:
        folders = [f for f in folders if f.name.rsplit("-", 1)[0] == part or f.name == part]
    if not folders:
        raise RecordError(f"no run of '{part}'", why="no folder has that name", fix="name a strategy of the comparison")
    runs, notes = _chosen([load(folder) for folder in folders])
    check_alike(list(runs))
    return _table(runs, paths, notes)


def _runs_in(path: Path) -> list[Path]:
    return sorted(f for f in (path / "runs").glob("*") if (f / "study.yaml").is_file()) if path.is_dir() else []


def _chosen(runs: list[Run]) -> tuple[list[Run], list[str]]:
    """Runs whose configurations were drawn at random, and of these the unstopped ones where they suffice."""
    moved = [r for r in runs if len(r.trials) and (r.trials["segments"] > 1).any()]
    kept = [r for r in runs if r not in moved]
    notes = []
    if moved:
        if not kept:
            raise RecordError(
                f"'{moved[0].folder}' is no record to rehearse on",
                why="its trials changed their configuration midway (PBT): no curve belongs to a configuration",
                fix="record the space with perch record, or use runs of rs or asha",
            )
        notes.append(f"{len(moved)} runs of PBT left out: their curves belong to no configuration")
    random = [r for r in kept if STRATEGIES.get(_name(r).split("+")[0]).searcher in ("random", "design")]
    if random and len(random) < len(kept):
        left = sorted({_name(r) for r in kept if r not in random})
        notes.append(f"runs of {', '.join(left)} left out: their configurations were chosen, not drawn")
    elif not random:
        random = kept
        notes.append("configurations were chosen by a searcher and not drawn: the record leans to what it liked")
    unstopped = [r for r in random if _name(r) in FULL]
    if unstopped and sum((r.trials["status"] == COMPLETED).sum() for r in unstopped) >= FEWEST_CURVES:
        if len(unstopped) < len(random):
            notes.append(
                f"full curves of {_name(unstopped[0])} alone are used ({len(unstopped)} of {len(random)} runs)"
            )
        random = unstopped
    return random, notes


def _name(run: Run) -> str:
    return str(run.summary["strategy"])


def _table(runs: list[Run], paths: Sequence[Path], notes: list[str]) -> Table:
    study = runs[0].study
    sign = -1.0 if study.mode == "max" else 1.0
    space, epochs = study.search_space, study.epochs
    parts = [_rows(run, epochs, sign) for run in runs]
    configs = [c for p in parts for c in p["configs"]]
    values, seconds, tests, training = (
        np.concatenate([p[k] for p in parts]) for k in ("values", "seconds", "tests", "training")
    )
    fates = tuple(f for p in parts for f in p["fates"])
    last = np.isfinite(values).sum(axis=1)
    weights, beyond = weigh(values, last, [f in KNOWN_FATES for f in fates])
    cut = sum(f not in KNOWN_FATES for f in fates)
    if cut:
        notes.append(f"{cut} of {len(fates)} trials did not reach their end; their weight is given to those like them")
    if beyond > 0.01:
        notes.append(
            f"{beyond:.0%} of these were worse than every trial that went on: the record is kinder than the space"
        )
    distinct, config_of = group_configs(space, configs)
    return Table(
        name=" + ".join(p.resolve().name for p in paths), space=space, configs=distinct, config_of=config_of, values=values,
        seconds=seconds if np.isfinite(seconds).any() else None, fates=fates, weights=weights,
        tests=tests if np.isfinite(tests).any() else None, training=training if np.isfinite(training).any() else None, metric=study.metric, sign=sign,
        recorded=recorded_of(runs), notes=tuple(notes),
    )  # fmt: skip


def _rows(run: Run, epochs: int, sign: float) -> dict[str, Any]:
    """Arrays of one run's search: configurations, values, seconds, tests and fates, a row per trial."""
    trials = run.trials[run.trials["phase"] == "search"]
    trials = trials[(trials["epochs"] > 0) | trials["status"].isin([DIVERGED, FAILED])].sort_values("ordinal")
    curves = run.curves[(run.curves["phase"] == "search") & (run.curves["epoch"] <= epochs)]
    names = list(trials["trial_id"])
    value = "value" if "value" in curves else run.study.metric
    fates = [str(s) for s in trials["status"]]
    out: dict[str, Any] = {
        "configs": [_plain(run, c) for c in trials["config"]],
        "values": sign * _wide(curves, value, names, epochs),
        "seconds": _wide(curves, EPOCH_S, names, epochs),
        "tests": _wide(curves, TEST_MAE_EV, names, epochs),
        "training": _wide(curves, next((n for n in TRAINING_LOSSES if n in curves), ""), names, epochs),
        "fates": fates,
    }
    for name, audited in _audited(run).items():
        row = names.index(name)
        curve = sign * np.asarray(audited[:epochs], dtype=float)
        out["values"][row, : len(curve)] = curve
        seconds = out["seconds"][row, : len(curve)]
        seconds[np.isnan(seconds)] = np.nanmean(seconds)
        fates[row] = COMPLETED if len(curve) == epochs and np.isfinite(curve).all() else DIVERGED
    return out


def _wide(curves: pd.DataFrame, column: str, names: list[str], epochs: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    out = np.full((len(names), epochs), np.nan)
    if column not in curves:
        return out
    place = {name: i for i, name in enumerate(names)}
    kept = curves[curves["trial_id"].isin(place)]
    rows = kept["trial_id"].map(place).to_numpy(int)
    out[rows, kept["epoch"].to_numpy(int) - 1] = kept[column].to_numpy(float)
    return out


def _audited(run: Run) -> dict[str, list[float]]:
    """Curves of stopped trials that ``perch audit`` trained to the end."""
    path = run.folder / "audit" / "curves.json"
    if not path.is_file():
        return {}
    known = set(run.trials["trial_id"])
    return {k: v for k, v in json.loads(path.read_text(encoding="utf-8")).items() if k in known}


def _plain(run: Run, config: dict[str, Any]) -> dict[str, Any]:
    """A configuration with the space's keys, numpy's numbers as Python's."""
    space = run.study.search_space
    given = {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items() if v is not None}
    return space.complete(given)


READERS.register("run", Reader("a run or a comparison of Perch", is_run, read_runs, several=True))
