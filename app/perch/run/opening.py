"""From a study to an attempt that is ready to be driven: data, run folder, log and replayed state."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from perch.run import start
from perch.run.campaign import Campaign
from perch.run.confirm import Confirmation
from perch.run.events import EventLog, read
from perch.run.folder import RunFolder, replacing
from perch.run.job import Job
from perch.run.live import View
from perch.run.state import State
from perch.run.stints import Clock
from perch.study import Study, dump


def replay(study: Study, folder: RunFolder, log: EventLog | None = None) -> State:
    """The state that a run's log tells, with its strategy in step: what ``log`` has accepted of earlier attempts."""
    state = State(start.build_strategy(study), study.epochs)
    if folder.events.is_dir():
        for event in read(folder.events, None if log is None else log.accepts):
            state.apply(event)
    return state


def finished(study: Study, folder: RunFolder) -> bool:
    """True when the last attempt ended by itself and no larger budget is asked now."""
    before: dict[str, Any] = {}
    for event in read(folder.events):
        if event["e"] == "attempt":
            before = event
    if start.closed(folder) != "done":
        return False
    old, new = before.get("budget", {}), study.budget
    larger_trials = old.get("trials") is not None and (new.trials is None or new.trials > old["trials"])
    larger_time = old.get("time") is not None and (new.time is None or new.time > old["time"])
    more_confirm = before.get("confirm") != study.confirm.model_dump() and study.confirm.top > 0
    return not (larger_trials or larger_time or more_confirm)


def prepare_data(study: Study, root: Path, view: View | None) -> tuple[Any, Path, Study]:
    """Build the graphs before Ray starts, so that bad data cost nothing; they are cached beside the runs.

    Returns data, cache, and the study without choices that these data cannot serve.
    """
    cache = root / ".cache"
    if not study.trainable_is_ours:
        return None, cache, study
    from perch.data.prepare import prepare
    from perch.run.narrow import narrow

    prepared = prepare(study.data, base=Path(study.base), cache=cache)
    study, dropped = narrow(study, prepared)
    if view is not None:
        for warning in (*prepared.warnings, *dropped):
            view.say(f"warning: {warning}")
    return prepared, cache, study


def open_job(asked: Study, study: Study, folder: RunFolder, view: View | None, began_s: float, prepared: Any) -> Job:
    """Create or enter the run folder and log the attempt: first what it accepts of earlier ones, then replay that.

    ``asked`` is kept as ``study.yaml``; ``study`` is what runs: the same, narrowed to what the data can serve.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    study = study.model_copy(update={"versions": versions()})
    with replacing(folder.study) as path:
        path.write_text(dump(asked.model_copy(update={"versions": study.versions})), encoding="utf-8")
    folder.stop.unlink(missing_ok=True)  # it was meant for an earlier attempt
    log = EventLog(folder.events)
    state = replay(study, folder, log)
    clock = Clock()
    extends = state.closed == "done"
    clock.start(state.used_s, began_s)
    confirmation = Confirmation(log, study.confirm.top, study.confirm.seeds)
    campaign = Campaign(study, folder, state, log, clock, confirmation)
    campaign.emit(
        e="attempt", n=log.attempt, accepts_bytes={str(k): v for k, v in log.accepts.items()}, run=folder.id,
        unix_s=round(time.time(), 3), seed=study.seed, strategy=study.strategy_name, host=platform.node(), pid=os.getpid(),
        budget=study.budget.model_dump(), confirm=study.confirm.model_dump(), extends=extends, versions=study.versions, **_facts(prepared),
    )  # fmt: skip
    log.sync()
    if view is not None:
        for notice in getattr(state.strategy, "notices", ()):
            view.say(f"note: {notice}")
    return Job(study, folder, campaign, view, prepared, started_s=state.used_s)


def _facts(prepared: Any) -> dict[str, Any]:
    """What the record says of the data: baselines, sizes, fingerprint."""
    if prepared is None:
        return {}
    split = prepared.splits[0]
    sizes = {side: len(getattr(split, side)) for side in ("train", "validation", "test")}
    data = {"fingerprint": prepared.fingerprint, "structures": len(prepared), "folds": len(prepared.splits), **sizes}
    return {"baselines": prepared.baselines, "baselines_test": prepared.baselines_test, "data": data}


def versions() -> dict[str, str]:
    """What a run ran with."""
    names = ("perch-hpo", "ray", "torch", "torch-geometric", "ase", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
