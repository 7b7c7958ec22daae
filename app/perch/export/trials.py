"""The trials of a run's search as every export sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from perch.dimension import Choice
from perch.record.protocol import Record
from perch.record.search import search_trials
from perch.space import Space
from perch.vocabulary import TEST_MAE_EV


@dataclass(frozen=True)
class Exported:
    """One trial. ``values``: the metric by epoch, along its last segment; times are seconds since 1970, None where unknown."""

    trial_id: str
    status: str
    searched: dict[str, Any]
    fixed: dict[str, Any]
    best_value: float | None
    values: dict[int, float]
    began_unix_s: float | None
    ended_unix_s: float | None
    facts: dict[str, Any]


FACTS = ("failure", "rung", "bracket", "epochs", "best_epoch", "by", "collapsed", "error", TEST_MAE_EV)
"""Columns of ``trials.parquet`` that go along."""


def trials(run: Record) -> Iterator[Exported]:
    """The trials of the search in the order in which they were suggested."""
    table = search_trials(run)
    if table.empty:
        return
    space, began = run.study.search_space, run.summary.get("began_unix_s")
    curves = _values(run)
    for row in table.to_dict("records"):
        config = {k: _plain(v) for k, v in (row["config"] or {}).items() if _plain(v) is not None}
        facts = {name: value for name in FACTS if (value := _plain(row.get(name))) is not None}
        times = [
            None if began is None or _plain(row[c]) is None else began + float(row[c]) for c in ("start_s", "end_s")
        ]
        yield Exported(
            str(row["trial_id"]), str(row["status"]),
            {k: as_in_space(space, k, config[k]) for k in space.dimensions if k in config},
            {k: v for k, v in config.items() if k not in space.dimensions},
            _plain(row["best_value"]), curves.get(str(row["trial_id"]), {}), times[0], times[1], facts,
        )  # fmt: skip


def _values(run: Record) -> dict[str, dict[int, float]]:
    curves = run.curves
    if curves.empty:
        return {}
    metric = run.study.metric if run.study.metric in curves else "value"
    known = curves[["trial_id", "segment", "epoch", metric]].dropna().sort_values(["trial_id", "epoch", "segment"])
    last = known.drop_duplicates(["trial_id", "epoch"], keep="last")
    return {
        str(name): dict(zip(rows["epoch"].astype(int), rows[metric].astype(float), strict=True))
        for name, rows in last.groupby("trial_id", sort=False)
    }


def as_in_space(space: Space, key: str, value: Any) -> Any:
    """A value as the space has it: a table makes texts of choices of mixed kinds, and numbers of whole numbers."""
    dimension = space.dimensions[key]
    if isinstance(dimension, Choice):
        for known in dimension.values:
            if known == value or json.dumps(known) == value:
                return known
    return value


def _plain(value: Any) -> Any:
    """A Python value; None for what is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    return value


def flat(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """A configuration with one column per key, ``config.lr``."""
    return {f"config.{key}": _plain(value) for key, value in (config or {}).items()}
