"""The main job: start or resume a run, drive it to its end, and leave its record behind."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from perch.campaign.books import takes_all
from perch.home import ensure_home
from perch.runs.attempt import open_attempt, prepare_data
from perch.runs.check import check, check_writable
from perch.runs.device_memory import too_large
from perch.runs.drive import drive
from perch.runs.outcome import Outcome
from perch.runs.packed import packed
from perch.runs.resume import check_data, finished, target
from perch.study import Study
from perch.trainables import kind_of
from perch.view.live import View
from perch.view.steps import Silent, Steps


def run_study(
    study: Study,
    *,
    out: str | Path | None = None,
    run_id: str | None = None,
    resume: bool = False,
    quiet: bool = False,
    began_s: float | None = None,
    steps: Steps | None = None,
    cpus: int | None = None,
    allow_changed_data: bool = False,
    allow_test_metric: bool = False,
    foretell: Callable[[Study, Path], str] | None = None,
    watch: bool = False,
) -> Outcome:
    """Run a study from its start, or go on with it. ``began_s``: when the command began, on the monotonic clock.

    Everything that can be wrong raises a PerchError before anything has started. A Ray that is initialised already is
    used and left alone. ``steps``: where it is said what is being done, until there are results to show. ``cpus``: cores
    of a private Ray (None: what this machine offers).  ``allow_changed_data``: go on though the data differ from those
    that the run began with.  ``allow_test_metric``: choose by test rows.  ``foretell``: what to say of the study
    and the folder of runs before anything starts.  ``watch``: serve the page of ``perch watch`` while the run goes on.
    """
    from perch.engine.ray_session import surroundings
    from perch.engine.signals import handlers_restored

    began_s = time.monotonic() if began_s is None else began_s
    ensure_home()
    with handlers_restored(), surroundings(kind_of(study).python_path) as private:
        steps = Silent() if quiet else steps if steps is not None else Steps()
        shown = None if quiet else View(steps=steps)
        root = Path(out).absolute() if out is not None else study.path(study.storage)
        with steps.step("checking the study"):
            goal = target(study, root, run_id, resume)
            check(goal.kind, allow_test_metric)
            check_writable(root)
        if finished(goal):
            return Outcome(goal.folder, "done", "the run is finished under this budget")
        with shown if shown is not None else contextlib.nullcontext() as view:
            if view is not None and foretell is not None:
                view.say(foretell(goal.study, root))
            data = prepare_data(goal.kind, root / ".cache", view)
            check_data(goal, data.prepared, allow_changed_data)
            data = packed(kind_of(data.study), data, view.say if view is not None else lambda _: None, steps)
            refuses = too_large(kind_of(data.study), data, view.say if view is not None else lambda _: None, steps)
            attempt = open_attempt(goal, data, view, began_s)
            attempt.campaign.refuses = refuses or takes_all
            try:
                return drive(attempt, cpus, private, watch)
            finally:
                attempt.log.close()
