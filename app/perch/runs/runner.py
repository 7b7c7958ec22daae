"""The main job: start or resume a run, drive it to its end, and leave its record behind."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perch.errors import RecordError
from perch.home import ensure_home
from perch.runs.attempt import open_attempt, prepare_data
from perch.runs.check import check, check_writable
from perch.runs.drive import drive
from perch.runs.outcome import DONE, FAILED, INTERRUPTED, Outcome
from perch.runs.resume import check_data, finished, target
from perch.study import Study
from perch.trainables import kind_of
from perch.view.live import View


def run_study(
    study: Study,
    *,
    out: str | Path | None = None,
    run_id: str | None = None,
    resume: bool = False,
    quiet: bool = False,
    began_s: float | None = None,
    cpus: int | None = None,
    allow_changed_data: bool = False,
    foretell: Callable[[Study, Path], str] | None = None,
) -> Outcome:
    """Run a study from its start, or go on with it. ``began_s``: when the command began, on the monotonic clock.

    Everything that can be wrong raises a PerchError before anything has started. A Ray that is initialised already is
    used and left alone. ``allow_changed_data``: go on though the data differ from those that the run began with. ``cpus``: cores of a private Ray (None: what this machine offers).
    ``foretell``: what to say of the study and the folder of runs before anything starts.
    """
    from perch.engine.ray_session import surroundings
    from perch.engine.signals import handlers_restored

    began_s = time.monotonic() if began_s is None else began_s
    ensure_home()
    with handlers_restored(), surroundings(kind_of(study).python_path) as private:
        return _run(study, out, run_id, resume, quiet, began_s, cpus, private, allow_changed_data, foretell)


def _run(
    study: Study, out: str | Path | None, run_id: str | None, resume: bool, quiet: bool, began_s: float, cpus: int | None,
    private: Path | None, allow_changed_data: bool, foretell: Callable[[Study, Path], str] | None,
) -> Outcome:  # fmt: skip
    root = Path(out).absolute() if out is not None else study.path(study.storage)
    goal = target(study, root, run_id, resume)
    check(goal.kind)
    check_writable(root)
    if finished(goal):
        return Outcome(goal.folder, "done", "the run is finished under this budget")
    with View() if not quiet else contextlib.nullcontext() as view:
        if view is not None and foretell is not None:
            view.say(foretell(goal.study, root))
        data = prepare_data(goal.kind, root / ".cache", view)
        check_data(goal, data.prepared, allow_changed_data)
        attempt = open_attempt(goal, data, view, began_s)
        try:
            return drive(attempt, cpus, private)
        finally:
            attempt.log.close()


def run(study: Study, *, raise_on_failure: bool = True, **options: Any) -> Any:
    """Run a study and return its record (``perch.record.Run``); the Python form of ``perch run``."""
    from perch.record import load

    outcome = run_study(study, **{"quiet": True, **options})
    if outcome.code == FAILED and raise_on_failure:
        raise RecordError(f"the run '{outcome.folder.id}' failed", why=outcome.why, fix="see its trials.parquet")
    return load(outcome.folder.path)


__all__ = ["DONE", "FAILED", "INTERRUPTED", "Outcome", "run", "run_study"]
