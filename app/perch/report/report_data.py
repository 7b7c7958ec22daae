"""What a report is made of: the record of one run, with the few views of it that several figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from perch.record.collapsed import is_collapsed
from perch.record.protocol import Record
from perch.record.winner_file import read_about
from perch.study import Study
from perch.vocabulary import TEST_MAE_EV

FATES = ("completed", "stopped", "collapsed", "diverged", "failed", "infeasible", "paused", "running", "interrupted")
"""What became of a trial, in the order in which figures and legends show it."""


KNOWN_NUMBERS = frozenset({
    "segment", "epoch", "time_s", "value", "attempt", "parent_segment", "parent_epoch", "epoch_s", "lr", "peak_memory_bytes",
    "train_mae_ev", "validation_mae_ev", "test_mae_ev", "training_s", "evaluating_s", "startup_s", "started_over",
})  # fmt: skip
"""Columns of ``curves`` that are shown in places of their own, or are no metrics."""

TRIAL_COLUMNS = ("trial_id", "phase", "config", "status", "failure", "epochs", "best_value", "rung", "error")
CURVE_COLUMNS = ("trial_id", "segment", "epoch", "time_s")


@dataclass(frozen=True)
class ReportData:
    """One run, ready to be shown. ``trials`` and ``curves`` hold the search; trials that confirm the best lie in ``confirmed``.

    ``predictions`` has a row per structure (``id, split, formula, adsorbate, size, target_ev, prediction_ev,
    deviation_ev``) or is None where the run has left none.
    """

    folder: Path
    study: Study
    summary: Mapping[str, Any]
    trials: pd.DataFrame
    confirmed: pd.DataFrame
    curves: pd.DataFrame
    overheads: pd.DataFrame
    predictions: pd.DataFrame | None
    words: Sequence[str] = ()
    """What ``best/winner.json`` says of its models, besides the winner's own line."""

    @property
    def metric(self) -> str:
        """The name of what the run minimises, or maximises."""
        return self.study.metric

    @property
    def sign(self) -> float:
        """-1 when more of the metric is better, else 1."""
        return -1.0 if self.study.mode == "max" else 1.0

    @property
    def epochs(self) -> int:
        """Epochs of a trial that is not stopped."""
        return self.study.epochs

    @property
    def metric_label(self) -> str:
        """The metric as an axis shows it."""
        return words(self.metric)

    @cached_property
    def fates(self) -> pd.Series[Any]:
        """What became of each trial: its status, or ``collapsed`` for one that had time to learn and did not.

        One that was stopped before it had time to learn is only called stopped (``perch.record.collapsed``).
        """
        fates = self.trials["status"].astype(str)
        ended = fates.isin(["completed", "stopped"])
        return fates.mask(is_collapsed(self.trials, self.epochs) & ended, "collapsed")

    @cached_property
    def configs(self) -> pd.DataFrame:
        """The first configuration of each trial, a column per hyperparameter, rows as in ``trials``."""
        return pd.DataFrame(list(self.trials["config"]), index=self.trials.index)

    @cached_property
    def searched(self) -> list[str]:
        """Hyperparameters that differ between trials."""
        return [str(name) for name in self.configs if self.configs[name].nunique(dropna=False) > 1]

    @property
    def yet(self) -> str:
        """`` yet`` of a run that goes on, else nothing: what has ended will not come to it."""
        return " yet" if self.summary.get("status") == "running" else ""

    @property
    def exploits(self) -> bool:
        """True where a trial went on from another's checkpoint: a population."""
        return bool(len(self.curves) and self.curves["segment"].max() > 0)

    @cached_property
    def further_metrics(self) -> pd.DataFrame:
        """What trials report besides the metric, at each trial's best epoch: a column per name, rows as in ``trials``."""
        names = [
            str(c) for c in self.curves.select_dtypes("number") if c not in KNOWN_NUMBERS and c != self.metric
        ]  # fmt: skip
        if not names or self.metric not in self.curves:
            return pd.DataFrame(index=self.trials.index)
        ranked = self.curves.assign(rank=self.sign * self.curves[self.metric]).sort_values("rank", kind="stable")
        best = ranked.drop_duplicates("trial_id").set_index("trial_id")[names].dropna(axis="columns", how="all")
        return best.reindex(self.trials["trial_id"]).set_index(self.trials.index)

    @cached_property
    def incumbents(self) -> pd.DataFrame:
        """Every improvement of the best value so far: ``time_s, value, trial_id, segment, epoch`` and the test MAE."""
        columns = ["time_s", self.metric, "trial_id", "segment", "epoch"]
        has_test = TEST_MAE_EV in self.curves and self.curves[TEST_MAE_EV].notna().any()
        columns += [TEST_MAE_EV] if has_test and self.metric != TEST_MAE_EV else []
        if self.metric not in self.curves:
            return pd.DataFrame(columns=columns).rename(columns={self.metric: "value"})
        ordered = self.curves[columns].dropna(subset=[self.metric]).sort_values("time_s", kind="stable")
        score = self.sign * ordered[self.metric].to_numpy(dtype=float)
        before = np.concatenate([[np.inf], np.minimum.accumulate(score)[:-1]]) if len(score) else score
        return ordered[score < before].rename(columns={self.metric: "value"}).reset_index(drop=True)

    @cached_property
    def best(self) -> Mapping[str, Any]:
        """The best trial as the summary names it; empty while no trial has reported anything."""
        return self.summary["best"] or {}

    @property
    def winner(self) -> Mapping[str, Any]:
        """The winner as the summary names it; empty while there is none."""
        return self.summary["winner"] or {}

    @cached_property
    def best_value(self) -> float | None:
        """The best trial's best value of the metric."""
        return float(self.best["value"]) if self.best else None

    @cached_property
    def baselines(self) -> dict[str, float]:
        """Mean absolute errors in eV of the baselines on the validation set, best first."""
        given = self.summary["baselines"]
        return dict(sorted(((n, float(v)) for n, v in given.items() if v is not None), key=lambda item: item[1]))


def gather(run: Record) -> ReportData:
    """Take what a report needs out of a record."""
    trials, curves = _complete(run.trials, TRIAL_COLUMNS), _complete(_curves(run), CURVE_COLUMNS)
    metric = run.study.metric
    if metric not in curves and "value" in curves:
        curves = curves.assign(**{metric: curves["value"]})
    searched = trials["phase"].fillna("search") == "search"
    search, confirmed = trials[searched], trials[~searched]
    if len(confirmed):
        curves = curves[~curves["trial_id"].isin(confirmed["trial_id"])]
    predictions = run.folder / "best" / "predictions.parquet"
    return ReportData(
        folder=run.folder,
        study=run.study,
        summary=run.summary,
        trials=search.reset_index(drop=True),
        confirmed=confirmed.reset_index(drop=True),
        curves=curves.sort_values(["trial_id", "segment", "epoch"], kind="stable").reset_index(drop=True),
        overheads=run.overheads,
        predictions=pd.read_parquet(predictions) if predictions.exists() else None,
        words=tuple(((read_about(run.folder / "best") or {}).get("words") or [])[1:]),
    )


def _complete(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The table with every column that figures rely on: a run without a trial leaves a table without columns."""
    return table.reindex(columns=[*table.columns, *(c for c in columns if c not in table)])


def _curves(run: Record) -> pd.DataFrame:
    """The curves without configurations: hundreds of thousands of dictionaries that no figure looks at."""
    file = run.folder / "curves.parquet"
    if not file.exists():
        return run.curves
    import pyarrow.parquet as pq

    return pd.read_parquet(file, columns=[c for c in pq.read_schema(file).names if c != "config"])


def words(name: str) -> str:
    """A column's name in words with its unit: ``validation_mae_ev`` → ``validation MAE (eV)``."""
    text = name
    unit = ""
    for suffix, shown in (("_ev", " (eV)"), ("_s", " (s)"), ("_bytes", " (bytes)")):
        if text.endswith(suffix):
            text, unit = text.removesuffix(suffix), shown
            break
    return " ".join({"mae": "MAE", "rmse": "RMSE", "lr": "learning rate"}.get(w, w) for w in text.split("_")) + unit


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows as dictionaries."""
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
