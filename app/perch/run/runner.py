"""The main job: start or resume a run, drive it to its end, and leave its record behind."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from perch.errors import RecordError
from perch.run import start
from perch.run.driving import drive, python_path
from perch.run.job import DONE, FAILED, INTERRUPTED, Outcome
from perch.run.live import View
from perch.run.opening import finished, open_job, prepare_data
from perch.study import Study


def run_study(
    study: Study,
    *,
    out: str | Path | None = None,
    run_id: str | None = None,
    resume: bool = False,
    quiet: bool = False,
    began_s: float | None = None,
    cpus: int | None = None,
) -> Outcome:
    """Run a study from its start, or go on with it. ``began_s``: when the command began, on the monotonic clock.

    Everything that can be wrong raises a PerchError before anything has started. A Ray that is initialised already is
    used and left alone. ``cpus``: cores of a private Ray (None: what this machine offers).
    """
    from perch.run.ray_session import surroundings

    began_s = time.monotonic() if began_s is None else began_s
    with surroundings(python_path(study)) as private:
        return _run(study, out, run_id, resume, quiet, began_s, cpus, private)


def _run(
    study: Study, out: str | Path | None, run_id: str | None, resume: bool, quiet: bool, began_s: float, cpus: int | None,
    private: Path | None,
) -> Outcome:  # fmt: skip
    study = start.resolved(study)
    start.check(study)
    root = Path(out).absolute() if out is not None else study.path(study.storage)
    start.check_writable(root)
    where = start.target(study, root, run_id, resume)
    if where.resuming and finished(study, where.folder):
        return Outcome(where.folder, DONE, "the run is finished under this budget")
    with View() if not quiet else contextlib.nullcontext() as view:
        prepared, cache, served = prepare_data(study, root, view)
        job = open_job(study, served, where.folder, view, began_s, prepared)
        job.cache = cache
        try:
            return drive(job, cpus, private)
        finally:
            job.campaign.log.close()


def run(study: Study, *, raise_on_failure: bool = True, **options: Any) -> Any:
    """Run a study and return its record (``perch.record.Run``); the Python form of ``perch run``."""
    from perch.record import load

    outcome = run_study(study, **{"quiet": True, **options})
    if outcome.code == FAILED and raise_on_failure:
        raise RecordError(f"the run '{outcome.folder.id}' failed", why=outcome.why, fix="see its trials.parquet")
    return load(outcome.folder.path)


__all__ = ["DONE", "FAILED", "INTERRUPTED", "Outcome", "run", "run_study"]
