"""A run as an Optuna study in an SQLite file, which Optuna's dashboard and its plots open."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from perch.dimension import Choice, Dimension, Float, Int
from perch.errors import RecordError
from perch.export.trials import Exported, trials
from perch.record.protocol import Record

INSTALL = "install it: pip install 'perch-hpo[optuna]', or pip install optuna"


def to_optuna(run: Record, file: Path) -> int:
    """Add the run as a study of its own name to ``file``; returns how many trials it has.

    Completed trials are complete, with their best value; stopped, paused and interrupted ones pruned, with the values that they
    reported by epoch; failed and diverged ones failed. What Optuna has no place for stands in the trials' user attributes.
    Raises RecordError where Optuna is missing, the file cannot be written, or it holds a study of that name.
    """
    try:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise RecordError("cannot write an Optuna study", why="Optuna is not installed", fix=INSTALL) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = str(run.summary["run_id"])
    if not file.absolute().parent.is_dir():
        raise RecordError(f"cannot write '{file}'", why=f"there is no folder '{file.parent}'", fix="make it first")
    try:
        study = optuna.create_study(
            storage=_storage(optuna, file),
            study_name=name,
            direction="maximize" if run.study.mode == "max" else "minimize",
        )
    except optuna.exceptions.DuplicatedStudyError as error:
        raise RecordError(
            f"'{file}' has a study '{name}' already",
            why="it was exported before",
            fix="give another file, or remove this one",
        ) from error
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:  # no database, or not to be written
        raise RecordError(f"cannot write '{file}'", why=str(error).splitlines()[0], fix="give another file") from error
    for key in ("strategy", "seed", "metric"):
        study.set_user_attr(key, run.summary.get(key))
    count = 0
    for one in trials(run):
        study.add_trial(_trial(optuna, one, run))
        count += 1
    return count


def _storage(optuna: Any, file: Path) -> Any:
    """SQLite that does not wait for the disk at each trial: an export that breaks off is made again."""
    from sqlalchemy import event

    storage = optuna.storages.RDBStorage(f"sqlite:///{file.absolute()}")

    @event.listens_for(storage.engine, "connect")  # type: ignore[untyped-decorator]
    def quick(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    storage.engine.dispose()  # connections that exist were made without it
    return storage


def _trial(optuna: Any, one: Exported, run: Record) -> Any:
    states = optuna.trial.TrialState
    complete = one.status == "completed" and one.best_value is not None
    failed = one.status in ("failed", "diverged", "infeasible") or (one.status == "completed" and not complete)
    dimensions = run.study.search_space.dimensions
    made = optuna.trial.create_trial(
        state=states.COMPLETE if complete else states.FAIL if failed else states.PRUNED,
        value=one.best_value if complete else None,
        params=one.searched,
        distributions={key: _distribution(optuna, dimensions[key], value) for key, value in one.searched.items()},
        intermediate_values=one.values,
        user_attrs={"trial_id": one.trial_id, "status": one.status, **one.fixed, **one.facts},
    )
    made.datetime_start = None if one.began_unix_s is None else datetime.fromtimestamp(one.began_unix_s)
    ended = one.ended_unix_s if one.ended_unix_s is not None else one.began_unix_s
    made.datetime_complete = None if ended is None else datetime.fromtimestamp(ended)
    return made


def _distribution(optuna: Any, dimension: Dimension, value: Any) -> Any:
    """The dimension as Optuna's, widened for a point of the user's outside of it."""
    known = optuna.distributions
    match dimension:
        case Int(low=low, high=high, log=log):
            return known.IntDistribution(min(low, int(value)), max(high, int(value)), log=log)
        case Float(low=low, high=high, log=log):
            return known.FloatDistribution(min(low, value), max(high, value), log=log)
        case Choice(values=values):
            return known.CategoricalDistribution(values)
