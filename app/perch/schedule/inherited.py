"""What the best of a population was trained with, epoch by epoch, read off the run's record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from perch.errors import RecordError
from perch.record.ancestry import stretches
from perch.record.protocol import Record
from perch.record.search import search_trials
from perch.vocabulary import LEARNING_RATE, TEST_MAE_EV, VALIDATION_MAE_EV

NOT_READ = (LEARNING_RATE, "lr_schedule")
"""Keys of a configuration that say less than the column of the learning rate in force."""


@dataclass(frozen=True)
class Inherited:
    """The chain of segments that led to the best trial.

    ``epochs`` is 1 … n. ``values[key][e - 1]`` is what was in force during epoch e, for every key that changed along the
    way; ``fixed`` holds the rest of the configuration. ``rows`` are the lineage's rows of ``curves.parquet``. ``rate`` is the
    key that the learning rate has among ``values``.
    """

    trial: str
    epochs: int
    values: Mapping[str, Sequence[Any]]
    fixed: Mapping[str, Any]
    rows: pd.DataFrame
    total_epochs: int
    """Epochs that the whole population trained: what the schedule cost."""
    rate: str = LEARNING_RATE

    @property
    def rates(self) -> Sequence[float]:
        """The learning rate in force in every epoch."""
        return self.values[self.rate]


def inherited_by_best(run: Record) -> Inherited:
    """Follow the best trial back to its first ancestor. Raises RecordError when the run has no lineage to follow."""
    curves = _search_curves(run)
    sign = -1.0 if run.study.mode == "max" else 1.0
    best = curves.iloc[int(np.nanargmin(sign * curves[run.study.metric].to_numpy(dtype=float)))]
    rows = follow(curves, str(best["trial_id"]), int(best["segment"]))
    configs = [_config(value) for value in rows["config"]]
    moved = [k for k in configs[0] if k not in NOT_READ and any(c.get(k) != configs[0][k] for c in configs)]
    rate = rate_key(rows, configs[0])
    if rate is None:
        raise RecordError(
            f"the run '{run.folder}' knows no learning rate", why=f"neither a column nor a hyperparameter is called '{LEARNING_RATE}'",
            fix=f"call your learning rate '{LEARNING_RATE}' in the space, or report it",
        )  # fmt: skip
    moved = [k for k in moved if k != rate]
    values = {rate: rates_of(rows, rate), **{k: [c[k] for c in configs] for k in moved}}
    fixed = {k: v for k, v in configs[0].items() if k not in values and k not in NOT_READ}
    return Inherited(str(best["trial_id"]), len(rows), values, fixed, rows, len(curves), rate)


def follow(curves: pd.DataFrame, trial: str, segment: int) -> pd.DataFrame:
    """Rows from the first ancestor's first epoch to the end of (trial, segment), one per epoch."""
    parts = []
    for at, found in stretches(curves, (trial, segment)):
        if found is None:
            raise RecordError(
                f"the lineage of trial {trial} is broken", why=f"segment {at[1]} of trial {at[0]} left no epoch in curves.parquet",
                fix="the record is incomplete: resume the run once, which writes it anew from the log",
            )  # fmt: skip
        parts.append(found)
    rows = pd.concat(parts, ignore_index=True)
    if rows["epoch"].tolist() != list(range(1, len(rows) + 1)):
        raise RecordError(
            f"the lineage of trial {trial} has gaps", why=f"its epochs are {rows['epoch'].tolist()[:10]} …",
            fix="the record is incomplete: resume the run once, which writes it anew from the log",
        )  # fmt: skip
    return rows


def _search_curves(run: Record) -> pd.DataFrame:
    strategy = str(run.summary["strategy"])
    curves = run.curves
    if not run.trials.empty:
        curves = curves[curves["trial_id"].isin(search_trials(run)["trial_id"])]
    if curves.empty:
        raise RecordError(
            f"the run '{run.folder}' is empty", why="no trial reported an epoch", fix="run it, or name another"
        )
    if not strategy.startswith("pbt") and not curves["parent_trial_id"].notna().any():
        raise RecordError(
            f"the run '{run.folder}' holds no schedule", why=f"its strategy is '{strategy}'; only PBT changes settings in mid-training",
            fix="run the study with --strategy pbt first",
        )  # fmt: skip
    return curves.reset_index(drop=True)


def rate_key(rows: pd.DataFrame, config: Mapping[str, Any]) -> str | None:
    """What the learning rate is called: the column of the rate in force, else the hyperparameter, which may have a dotted name."""
    if LEARNING_RATE in config or not _dotted(config):
        reported = LEARNING_RATE in rows and bool(rows[LEARNING_RATE].notna().all())
        known = isinstance(config.get(LEARNING_RATE), (int, float))
        return LEARNING_RATE if reported or known else None
    names = _dotted(config)
    return names[0] if len(names) == 1 else None


def _dotted(config: Mapping[str, Any]) -> list[str]:
    """Numbers of a program's configuration whose dotted keys end as learning rates are called."""
    last = {k: k.rpartition(".")[2] for k, v in config.items() if isinstance(v, (int, float))}
    return [k for k, word in last.items() if k != LEARNING_RATE and word in (LEARNING_RATE, "learning_rate")]


def rates_of(rows: pd.DataFrame, rate: str) -> list[float]:
    """The learning rate in force in every row; of a trainable that reports none, the configuration's."""
    if rate == LEARNING_RATE and LEARNING_RATE in rows and rows[LEARNING_RATE].notna().all():
        return [float(v) for v in rows[LEARNING_RATE]]
    return [float(_config(value)[rate]) for value in rows["config"]]


def _config(value: Any) -> dict[str, Any]:
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def error_columns(rows: pd.DataFrame) -> list[str]:
    """Columns of errors that a figure can show: test first; a foreign trainable's are under the study's metric's value."""
    return [c for c in (TEST_MAE_EV, VALIDATION_MAE_EV, "value") if c in rows and rows[c].notna().any()][:2]
