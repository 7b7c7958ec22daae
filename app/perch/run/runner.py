"""The main job: start or resume a run, drive it to its end, and leave its record behind."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from perch.errors import ClusterError, RecordError
from perch.run import start
from perch.run.campaign import Campaign, Stint
from perch.run.confirm import Confirmation
from perch.run.events import EventLog, read
from perch.run.folder import RunFolder, replacing
from perch.run.live import View
from perch.run.snapshot import snapshot
from perch.run.state import State
from perch.run.stints import Clock
from perch.study import Study, dump

DONE, FAILED, INTERRUPTED = 0, 1, 75
END_MARGIN_S = 30.0
"""Seconds before the job's end (``PERCH_END_TIME``) at which a run saves and leaves."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its run folder, exit code (0, 1 or 75) and the reason."""

    folder: RunFolder
    code: int
    why: str


@dataclass
class Job:
    """One attempt at a run, with everything that it holds open."""

    study: Study
    folder: RunFolder
    campaign: Campaign
    view: View | None
    prepared: Any = None
    cache: Path = field(default_factory=Path)
    signals: int = 0
    started_s: float = 0.0
    _looked_s: dict[str, float] = field(default_factory=dict)

    def due(self, what: str, every_s: float) -> bool:
        """True at most every ``every_s`` seconds for each ``what``."""
        now = time.monotonic()
        if now - self._looked_s.get(what, -1e9) < every_s:
            return False
        self._looked_s[what] = now
        return True


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
    with surroundings(_python_path(study)) as private:
        return _run(study, out, run_id, resume, quiet, began_s, cpus, private)


def _python_path(study: Study) -> list[str]:
    """Folders from which workers import the study's own trainable."""
    return [] if study.trainable_is_ours else [str(Path(study.base).absolute())]


def _run(
    study: Study, out: str | Path | None, run_id: str | None, resume: bool, quiet: bool, began_s: float, cpus: int | None,
    private: Path | None,
) -> Outcome:  # fmt: skip
    study = start.resolved(study)
    start.check(study)
    root = Path(out).absolute() if out is not None else study.path(study.storage)
    start.check_writable(root)
    where = start.target(study, root, run_id, resume)
    if where.resuming and _finished(study, where.folder):
        return Outcome(where.folder, DONE, "the run is finished under this budget")
    with View() if not quiet else contextlib.nullcontext() as view:
        prepared, cache = _prepare(study, root, view)
        job = _open(study, where.folder, view, began_s, prepared)
        job.cache = cache
        try:
            return _drive(job, cpus, private)
        finally:
            job.campaign.log.close()


def replay(study: Study, folder: RunFolder, log: EventLog | None = None) -> State:
    """The state that a run's log tells, with its strategy in step: what ``log`` has accepted of earlier attempts."""
    state = State(start.build_strategy(study), study.epochs)
    if folder.events.is_dir():
        for event in read(folder.events, None if log is None else log.accepts):
            state.apply(event)
    return state


def _finished(study: Study, folder: RunFolder) -> bool:
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


def _prepare(study: Study, root: Path, view: View | None) -> tuple[Any, Path]:
    """Build the graphs before Ray starts, so that bad data cost nothing; they are cached beside the runs."""
    cache = root / ".cache"
    if not study.trainable_is_ours:
        return None, cache
    from perch.data.prepare import prepare

    prepared = prepare(study.data, base=Path(study.base), cache=cache)
    smallest = min(len(split.train) for split in prepared.splits)
    _drop_large_batches(study, smallest, view)
    if view is not None:
        for warning in prepared.warnings:
            view.say(f"warning: {warning}")
    return prepared, cache


def _drop_large_batches(study: Study, training_rows: int, view: View | None) -> None:
    """Say which batch sizes exceed the training set; with none left the study cannot run."""
    from perch.errors import StudyError
    from perch.space import Choice

    dimension = study.search_space.dimensions.get("batch_size")
    fixed = study.search_space.fixed.get("batch_size")
    sizes = dimension.values if isinstance(dimension, Choice) else (fixed,) if fixed is not None else ()
    numbers = [s for s in sizes if isinstance(s, (int, float))]
    large = [s for s in numbers if s > training_rows]
    if numbers and len(large) == len(numbers):
        raise StudyError(
            "no batch size fits the training set", why=f"it has {training_rows} structures; the smallest batch is {min(numbers)}",
            fix="add a smaller batch_size",
        )  # fmt: skip
    if large and view is not None:
        view.say(
            f"warning: batch sizes {large} exceed the {training_rows} training structures; they train on one batch"
        )


def _open(study: Study, folder: RunFolder, view: View | None, began_s: float, prepared: Any) -> Job:
    """Create or enter the run folder and log the attempt: first what it accepts of earlier ones, then replay that."""
    folder.path.mkdir(parents=True, exist_ok=True)
    study = study.model_copy(update={"versions": versions()})
    with replacing(folder.study) as path:
        path.write_text(dump(study), encoding="utf-8")
    folder.stop.unlink(missing_ok=True)  # it was meant for an earlier attempt
    log = EventLog(folder.events)
    state = replay(study, folder, log)
    clock = Clock()
    extends = state.closed == "done"
    clock.start(state.used_s, began_s)
    confirmation = Confirmation(folder, study.confirm.top, study.confirm.seeds)
    campaign = Campaign(study, folder, state, log, clock, confirmation)
    campaign.emit(
        e="attempt", n=log.attempt, accepts_bytes={str(k): v for k, v in log.accepts.items()}, run=folder.id,
        unix_s=round(time.time(), 3), seed=study.seed, strategy=study.strategy_name, host=platform.node(), pid=os.getpid(),
        budget=study.budget.model_dump(), confirm=study.confirm.model_dump(), extends=extends, versions=study.versions, **_facts(prepared),
    )  # fmt: skip
    log.sync()
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


# --- driving ---------------------------------------------------------------------------------------------------------


def _drive(job: Job, cpus: int | None, private: Path | None) -> Outcome:
    from perch.run.ray_session import Watchdog, session
    from perch.run.tune import prepare_environment

    prepare_environment()
    campaign = job.campaign
    with contextlib.ExitStack() as followers:
        scribe = followers.enter_context(_scribe(job.folder))
        if "wandb" in job.study.log:
            from perch.boards.wandb_process import beside

            followers.enter_context(beside(job.folder.path, job.folder.logs))
        try:
            with session(private, _python_path(job.study), cpus=cpus) as ray_session:
                watchdog = Watchdog(lambda name: _ray_died(job, name)) if ray_session.private else None
                if watchdog is not None:
                    watchdog.start()
                try:
                    _fit(job, ray_session)
                finally:
                    if watchdog is not None:
                        watchdog.cancel()
        except ClusterError as error:
            campaign.end("failed", str(error))
            _close(job)
            raise
        outcome = _close(job)
    if campaign.ending != "superseded":
        _finish_record(job, scribe)
    return outcome


def _fit(job: Job, ray_session: Any) -> None:
    from perch.run.tune import Engine, take_signals

    campaign, study = job.campaign, job.study
    resources = _resources(study, ray_session.capacity())
    campaign.worker_slots = _slots(ray_session.capacity(), resources)

    def tick() -> None:
        if job.due("end", 0.3):
            _look_for_an_end(job)
        if job.due("capacity", 5.0) and not ray_session.private:
            campaign.worker_slots = max(_slots(ray_session.capacity(), resources), 1)
        if job.due("weights", 10.0):
            _prune_weights(job)
        if job.due("sync", 1.0):
            campaign.log.sync()
        if job.view is not None and job.due("view", 0.2):
            job.view.show(snapshot(campaign, baselines(job), job.started_s))

    def on_signal(number: int, _frame: Any) -> None:
        import signal

        from perch.run.tune import Leave

        job.signals += 1
        name = signal.Signals(number).name
        if job.signals > 1:
            campaign.end("interrupted", f"{name}, twice")
            raise Leave
        campaign.end("interrupted", name)

    take = take_signals(on_signal)
    take()
    campaign.begin()
    engine = Engine(
        campaign, beside=lambda stint: _extra(job, stint, resources), classify=_classify, on_tick=tick, on_start=take
    )
    try:
        engine.fit(_trainable(job), resources, job.folder.checkpoints)
    finally:
        _tidy(job.folder, campaign)


def _tidy(folder: RunFolder, campaign: Campaign) -> None:
    """Remove what Tune keeps for a restore that Perch never makes, and folders without a checkpoint in the log."""
    used = {Path(path).parts[1] for path in campaign.state.paths.values()}
    for attempt in folder.checkpoints.glob("attempt-*"):
        if attempt.name not in used:
            shutil.rmtree(attempt, ignore_errors=True)
        for snapshot_file in (*attempt.glob("*.pkl"), *attempt.glob("experiment_state-*.json")):
            snapshot_file.unlink(missing_ok=True)


def _resources(study: Study, capacity: dict[str, float]) -> dict[str, float]:
    gpus = study.resources.gpus
    if gpus is None:
        gpus = 1.0 if capacity["GPU"] > 0 else 0.0
    if gpus > 0 and capacity["GPU"] == 0:
        raise ClusterError(
            f"a trial needs {gpus:g} GPUs and there is none",
            why="Ray sees no GPU",
            fix="set resources.gpus: 0, or see 'perch doctor'",
        )
    return {"cpu": study.resources.cpus, **({"gpu": gpus} if gpus else {})}


def _slots(capacity: dict[str, float], resources: dict[str, float]) -> int:
    """How many trials fit at once."""
    slots = int(capacity["CPU"] / resources["cpu"] + 1e-6)
    if resources.get("gpu"):
        slots = min(slots, int(capacity["GPU"] / resources["gpu"] + 1e-6))
    return slots


def _trainable(job: Job) -> Any:
    if job.study.trainable_is_ours:
        from perch.training.trainable import GraphTrainable

        return GraphTrainable
    return start.foreign_trainable(job.study)


def _extra(job: Job, stint: Stint, resources: dict[str, float]) -> dict[str, Any]:
    """What a trial of ours is told beside its hyperparameters; a foreign trainable gets these alone."""
    if not job.study.trainable_is_ours:
        return {}
    study = job.study
    return {
        "_perch": {
            "study": study.model_dump(mode="json", by_alias=True),
            "base": study.base,
            "cache": str(job.cache),
            "trial": stint.trial,
            "segment": stint.segment,
            "seed": study.seed,
            "epochs": study.epochs,
            "threads": max(int(resources["cpu"]), 1),
            "key": stint.seed_key,
            "weights": str(job.folder.weights),
            "keep_below": stint.keep_below,
        }
    }


def _classify(error: BaseException) -> str:
    from perch.training.failure import classify

    return classify(error)


def baselines(job: Job) -> dict[str, float | None]:
    """Errors of the baselines on the validation set, in eV."""
    return job.prepared.baselines if job.prepared is not None else {}


def _look_for_an_end(job: Job) -> None:
    campaign = job.campaign
    if (stop := _stop_file(job)) is not None:
        campaign.end("interrupted", stop)
    end_time = os.environ.get("PERCH_END_TIME")
    if end_time and time.time() > float(end_time) - END_MARGIN_S:
        campaign.end("interrupted", "the job's time is nearly over")
    if job.due("superseded", 2.0) and (newer := campaign.log.superseded()) is not None:
        campaign.end("superseded", f"attempt {newer} has taken this run over")


def _stop_file(job: Job) -> str | None:
    try:
        text = job.folder.stop.read_text().strip()
    except OSError:
        return None
    if text and text != str(job.campaign.log.attempt):
        return None
    return "a stop file asked for it"


def _ray_died(job: Job, name: str) -> None:
    """A private Ray was killed: keep what the log holds and leave; the main thread is stuck in Ray."""
    job.campaign.log.sync()
    from perch.record import write

    write(job.folder)
    from perch.run.closing import resume_command

    fix = resume_command(Outcome(job.folder, INTERRUPTED, name))
    print(f"perch: Ray's {name} was killed; what was reported is kept\n  fix: {fix}", file=sys.stderr)
    os._exit(INTERRUPTED)


# --- ending ----------------------------------------------------------------------------------------------------------


def _close(job: Job) -> Outcome:
    campaign = job.campaign
    ending, why = campaign.ending or "interrupted", campaign.why or "it ended early"
    closing = {"done": "done", "interrupted": "interrupted", "superseded": "superseded"}.get(ending, "failed")
    campaign.emit(
        e="close", why=closing, reason=why, suggesting_s=round(campaign.suggesting_s, 3), slots=campaign.worker_slots
    )
    campaign.log.sync()
    if campaign.ending == "interrupted":
        job.folder.stop.unlink(missing_ok=True)
    code = {"done": DONE, "interrupted": INTERRUPTED}.get(closing, FAILED)
    return Outcome(job.folder, code, why)


@contextlib.contextmanager
def _scribe(folder: RunFolder) -> Iterator[subprocess.Popen[bytes]]:
    """The process that turns the log into tables, TensorBoard and report while the run goes on."""
    folder.logs.mkdir(exist_ok=True)
    with (folder.logs / "scribe.log").open("ab") as log:
        command = [sys.executable, "-m", "perch.run.scribe", str(folder.path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()  # the scribe reads the rest of the log, writes all once more, and ends


def _finish_record(job: Job, scribe: subprocess.Popen[bytes]) -> None:
    """Wait for the tables (writing them here if the scribe could not), then write the best models and the report."""
    from perch.record import write

    if scribe.wait() != 0:
        tail = (job.folder.logs / "scribe.log").read_text(errors="replace").splitlines()[-3:]
        print(f"perch: the scribe failed ({' / '.join(tail)}); writing the tables here", file=sys.stderr)
        write(job.folder)
    if job.campaign.ending != "done" or job.campaign.state.best is None:
        return
    if job.study.trainable_is_ours:
        from perch.run.best import write_best

        for problem in write_best(job.study, job.folder, job.cache):
            print(f"perch: {problem}", file=sys.stderr)
    if os.environ.get("PERCH_REPORT") != "0":  # a comparison reports on its runs together
        from perch.report.write import write as write_report

        write_report(job.folder.path, files=bool(job.study.log))


def _prune_weights(job: Job) -> None:
    """Forget the weights of trials that have ended and no longer lead."""
    state = job.campaign.state
    for path in job.folder.weights.glob("*.pt"):
        if path.stem in state.ended and path.stem not in state.top:
            path.unlink(missing_ok=True)


def run(study: Study, *, raise_on_failure: bool = True, **options: Any) -> Any:
    """Run a study and return its record (``perch.record.Run``); the Python form of ``perch run``."""
    from perch.record import load

    outcome = run_study(study, **{"quiet": True, **options})
    if outcome.code == FAILED and raise_on_failure:
        raise RecordError(f"the run '{outcome.folder.id}' failed", why=outcome.why, fix="see its trials.parquet")
    return load(outcome.folder.path)


__all__ = ["Outcome", "run", "run_study"]
