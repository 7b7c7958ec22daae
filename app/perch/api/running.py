"""``perch.run``: a study, run from Python."""

from __future__ import annotations

import sys
from pathlib import Path

from perch.api.run import Run
from perch.errors import RecordError
from perch.study import Study


def run(
    study: Study | str | Path | None = None,
    *,
    out: str | Path | None = None,
    run_id: str | None = None,
    resume: bool = False,
    quiet: bool = False,
    cpus: int | None = None,
    allow_changed_data: bool = False,
    allow_test_metric: bool = False,
    raise_on_failure: bool = True,
) -> Run:
    """Run a study, or go on with it, and return its record. What it is doing is shown meanwhile, as by ``perch run``.

    Args:
        study: a ``Study``, or the path of a study file; None: the embedded study (minutes on two cores).
        out: folder that holds runs; None: the study's ``storage``.
        run_id: start the run of this name, or go on with it where it is there; None: a new name.
        resume: go on with the newest unfinished run of this study.
        quiet: show nothing. Otherwise a table on a terminal; lines in a notebook, and where output is piped.
        cpus: cores of the Ray that is started for the run; None: all of this machine. A Ray that is initialised is used as it is.
        allow_changed_data: go on though the data have changed since the run began.
        allow_test_metric: let the study be judged by errors on the test set, which are then no test any more.
        raise_on_failure: False: a run that failed returns its record too.

    Returns:
        The run's record: ``winner``, ``best``, ``trials``, ``curves``, ``predict``, ``plot_incumbent`` and more, see ``Run``.

    Raises:
        PerchError: the study, data or options are wrong (nothing has started); what, why and what to do about it.
        RecordError: the run failed; its folder is left, with what was recorded.

    Example:
        >>> from perch import Study, run
        >>> study = Study(data={"source": "toy", "select": "count=60"}, epochs=2, budget={"trials": 3}, confirm={"top": 0})
        >>> found = run(study, out="results", run_id="first", quiet=True)
        >>> len(found.trials)
        3
        >>> sorted(found.best["config"])[:2]
        ['atom_embedding_size', 'batch_size']

    A run that is interrupted (Ctrl-C, a kill) goes on with the same call.
    """
    from perch.runs.outcome import FAILED
    from perch.runs.runner import run_study
    from perch.study import load
    from perch.view.steps import Steps

    spec = study if isinstance(study, Study) else load(study)
    steps = (
        Steps(sys.stdout) if "ipykernel" in sys.modules else None
    )  # a notebook shows standard error as if it were one
    outcome = run_study(
        spec,
        out=out,
        run_id=run_id,
        resume=resume,
        quiet=quiet,
        cpus=cpus,
        steps=steps,
        allow_changed_data=allow_changed_data,
        allow_test_metric=allow_test_metric,
    )
    if outcome.code == FAILED and raise_on_failure:
        raise RecordError(
            f"the run '{outcome.folder.id}' failed",
            why=outcome.why,
            fix=f"see perch.Run.load('{outcome.folder.path}').trials",
        )
    return Run.load(outcome.folder.path)
