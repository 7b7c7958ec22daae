"""The folder that TensorBoard reads: the run's own, made anew from the log where it is missing, or its best trials."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from perch.errors import RecordError


def logdir(run_folder: Path, *, top: int | None = None, rebuild: bool = False) -> Path:
    """The folder to serve. ``top``: a folder of links to the best trials, the incumbent and the lineage alone.

    Raises RecordError where there is no run, or nothing that TensorBoard could show.
    """
    from perch.log.folder import RunFolder

    folder = RunFolder(run_folder)
    if not folder.path.is_dir():
        raise RecordError(f"no run at '{run_folder}'", why="there is no such folder", fix="give the folder of a run")
    if rebuild:
        shutil.rmtree(folder.tensorboard, ignore_errors=True)
    if not folder.tensorboard.is_dir():
        write(run_folder)
    return folder.tensorboard if top is None else best(run_folder, top)


def write(run_folder: Path) -> None:
    """Write ``tensorboard/`` from the log of a run that did not follow it itself."""
    from perch.boards.tensorboard import TensorBoard
    from perch.log.events import read
    from perch.log.folder import RunFolder
    from perch.log.study_file import load_study

    folder = RunFolder(run_folder)
    study = load_study(folder)
    events = list(read(folder.events)) if folder.events.is_dir() else []
    if not any(event["e"] == "result" for event in events):
        raise RecordError(
            f"'{run_folder}' has nothing to show", why="no trial has reported yet", fix="wait for a result"
        )
    began_s = next((float(e["unix_s"]) for e in events if e["e"] == "attempt" and "unix_s" in e), 0.0)
    sign = 1.0 if study.mode == "min" else -1.0
    TensorBoard(folder.tensorboard, study.metric, sign, study.search_space, events, began_s).close()


def best_trials(run_folder: Path, top: int) -> list[str]:
    """The ids of the ``top`` best trials of a run's search, best first."""
    from perch.record import load

    run = load(run_folder)
    if run.trials.empty:
        return []
    ranked = run.trials[run.trials["phase"] == "search"].dropna(subset=["best_value"])
    return [
        str(name) for name in ranked.sort_values("best_value", ascending=run.study.mode == "min")["trial_id"].head(top)
    ]


def runs_filter(run_folder: Path, top: int = 10) -> str:
    """What TensorBoard's "Filter runs" must hold to show the ``top`` best trials, the incumbent and the lineage alone.

    Event files cannot say which runs are ticked; the address can hold a filter. Empty where there are no more trials.
    """
    trials = run_folder / "tensorboard" / "trials"
    names = best_trials(run_folder, top)
    if not names or not trials.is_dir() or len(list(trials.iterdir())) <= top:
        return ""
    return rf"^(best|lineage/.*|trials/({'|'.join(names)})(\.\d+)?)$"


def best(run_folder: Path, top: int) -> Path:
    """A folder of links, gone when the process ends, to the ``top`` best trials of a run (all their segments) and to what is not a trial."""
    chosen = set(best_trials(run_folder, top))
    links = Path(tempfile.mkdtemp(prefix="perch-board-"))
    atexit.register(shutil.rmtree, links, ignore_errors=True)
    source = (run_folder / "tensorboard").absolute()
    (links / "trials").mkdir()
    for one in sorted((source / "trials").iterdir()):
        if one.name.split(".")[0] in chosen:
            (links / "trials" / one.name).symlink_to(one)
    for name in ("best", "lineage", "confirm"):
        if (source / name).exists():
            (links / name).symlink_to(source / name)
    return links
