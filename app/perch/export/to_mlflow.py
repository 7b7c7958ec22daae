"""A run as an MLflow experiment: a run of MLflow's per trial, with its curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perch.errors import RecordError
from perch.export.trials import Exported, trials
from perch.record.protocol import Record

INSTALL = "install it: pip install mlflow (or mlflow-skinny)"
BATCH = 1000
"""Metrics that MLflow takes at once."""
STATUS = {"completed": "FINISHED", "failed": "FAILED", "diverged": "FAILED", "infeasible": "FAILED"}
"""MLflow's word for what became of a trial; any other was ended early: KILLED."""


def to_mlflow(run: Record, folder: Path) -> int:
    """Add the run as an experiment of its own name to the tracking folder; returns how many trials it has.

    Raises RecordError where MLflow is missing, or the folder holds an experiment of that name.
    """
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise RecordError("cannot write an MLflow experiment", why="MLflow is not installed", fix=INSTALL) from error
    try:
        client = MlflowClient(tracking_uri=address(folder))
        name = str(run.summary["run_id"])
        if client.get_experiment_by_name(name) is not None:
            raise RecordError(
                f"'{folder}' has an experiment '{name}' already",
                why="it was exported before",
                fix="give another folder",
            )
        tags = {"strategy": str(run.summary["strategy"]), "metric": run.study.metric, "mode": run.study.mode}
        experiment = client.create_experiment(name, tags=tags)
        count = 0
        for one in trials(run):
            _write(client, experiment, one, run.study.metric, (Metric, Param, RunTag))
            count += 1
    except (MlflowException, OSError) as error:
        raise RecordError(
            f"cannot write into '{folder}'", why=str(error).splitlines()[0], fix="give another folder"
        ) from error
    return count


def address(folder: Path) -> str:
    """The tracking address of a folder: a database in it, which MLflow's own server opens too."""
    from importlib.util import find_spec

    folder.mkdir(parents=True, exist_ok=True)
    if find_spec("sqlalchemy") is not None and find_spec("alembic") is not None:
        return f"sqlite:///{folder.absolute() / 'mlflow.db'}"
    return folder.absolute().as_uri()


def _write(client: Any, experiment: str, one: Exported, metric: str, kinds: tuple[Any, Any, Any]) -> None:
    metric_of, param_of, tag_of = kinds
    began_ms, ended_ms = (None if t is None else int(1000 * t) for t in (one.began_unix_s, one.ended_unix_s))
    made = client.create_run(experiment, start_time=began_ms, run_name=one.trial_id).info.run_id
    params = [param_of(key, str(value)) for key, value in {**one.searched, **one.fixed}.items()]
    tags = [tag_of("trial_id", one.trial_id), tag_of("status", one.status)]
    tags += [tag_of(key, str(value)) for key, value in one.facts.items()]
    at_ms = ended_ms or began_ms or 0
    metrics = [metric_of(metric, value, at_ms, epoch) for epoch, value in one.values.items()]
    if one.best_value is not None:
        metrics.append(metric_of(f"best_{metric}", one.best_value, at_ms, max(one.values, default=0)))
    client.log_batch(made, metrics=metrics[:BATCH], params=params, tags=tags)
    for start in range(BATCH, len(metrics), BATCH):
        client.log_batch(made, metrics=metrics[start : start + BATCH])
    client.set_terminated(made, status=STATUS.get(one.status, "KILLED"), end_time=ended_ms or began_ms)
