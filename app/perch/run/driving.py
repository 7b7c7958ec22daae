"""Driving an attempt: Ray up, followers beside it, Tune's loop until something ends it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from perch.errors import ClusterError
from perch.run.campaign import Campaign
from perch.run.closing import resume_command
from perch.run.ending import close, finish_record, prune_weights, scribe_process, taken_over_by
from perch.run.folder import RunFolder
from perch.run.job import INTERRUPTED, Job, Outcome
from perch.run.snapshot import snapshot
from perch.run.trials import beside, classify, slots, trainable, trial_resources
from perch.study import Study

END_MARGIN_S = 30.0
"""Seconds before the job's end (``PERCH_END_TIME``) at which a run saves and leaves."""


FIRST_WORKER_S = 60.0
"""How long a run on a cluster waits for its first worker before it places trials (which makes an autoscaler act)."""


def drive(job: Job, cpus: int | None, private: Path | None) -> Outcome:
    """Take an attempt to its end, whatever that is, and leave its record behind."""
    from perch.run.tune import leaving, prepare_environment

    prepare_environment()
    ended: Outcome | None = None
    with leaving():  # a second signal, which may come while Ray ends or tables are made: those are made when next read
        with contextlib.ExitStack() as followers:
            followers.callback(end_searcher, job.campaign)
            scribe = followers.enter_context(scribe_process(job.folder))
            if "wandb" in job.study.log:
                from perch.boards.wandb_process import beside

                followers.enter_context(beside(job.folder.path, job.folder.logs))
            try:
                _under_ray(job, private, cpus)
            except ClusterError as error:
                job.campaign.end("failed", str(error))
                close(job)
                raise
            ended = close(job)
        if job.campaign.ending != "superseded":
            finish_record(job, scribe)
    outcome = ended if ended is not None else close(job)
    return replace(outcome, signals=job.signals)  # a finished run heeds none, but what comes after it must


def _under_ray(job: Job, private: Path | None, cpus: int | None) -> None:
    from perch.run.ray_session import Watchdog, session

    with session(private, python_path(job.study), cpus=cpus) as ray_session:
        watchdog = Watchdog(lambda name: _ray_died(job, name)) if ray_session.private else None
        if watchdog is not None:
            watchdog.start()
        try:
            _fit(job, ray_session)
        finally:
            if watchdog is not None:
                watchdog.cancel()


def end_searcher(campaign: Campaign) -> None:
    """A searcher that has a process of its own ends with the attempt: a program that calls ``run`` lives on after it."""
    close_searcher = getattr(getattr(campaign.state.strategy, "searcher", None), "close", None)
    if close_searcher is not None:
        close_searcher()


def _fit(job: Job, ray_session: Any) -> None:
    from perch.run.tune import Engine, take_signals

    campaign, study = job.campaign, job.study
    capacity = first_capacity(job, ray_session)
    resources = trial_resources(study, capacity)
    campaign.worker_slots = slots(capacity, resources)

    def tick() -> None:
        if job.due("end", 0.3):
            look_for_an_end(job)
        if job.due("capacity", 5.0) and not ray_session.private:
            campaign.worker_slots = max(slots(ray_session.capacity(), resources), 1)
        if job.due("weights", 10.0):
            prune_weights(job)
        if job.due("sync", 1.0):
            campaign.log.sync()
        if job.view is not None and job.due("view", 0.2):
            job.view.show(snapshot(campaign, job.baselines, job.started_s))

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
        campaign, beside=lambda stint: beside(job, stint, resources), classify=classify, on_tick=tick, on_start=take
    )
    try:
        engine.fit(trainable(job), resources, job.folder.checkpoints)
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


def first_capacity(job: Job, ray_session: Any) -> dict[str, float]:
    """What the cluster offers once its first worker is there: whether trials get a GPU is decided by it."""
    end = time.monotonic() + (0.0 if ray_session.private else FIRST_WORKER_S)
    while True:
        capacity: dict[str, float] = ray_session.capacity()
        if capacity["CPU"] >= job.study.resources.cpus or time.monotonic() > end:
            return capacity
        time.sleep(0.5)


def look_for_an_end(job: Job) -> None:
    """Stop file, the job's end, a newer attempt: each ends this one."""
    campaign = job.campaign
    if (stop := _stop_file(job)) is not None:
        campaign.end("interrupted", stop)
    end_time = os.environ.get("PERCH_END_TIME")
    if end_time and time.time() > float(end_time) - END_MARGIN_S:
        campaign.end("interrupted", "the job's time is nearly over")
    if job.due("superseded", 2.0) and (newer := campaign.log.superseded()) is not None:
        campaign.end("superseded", taken_over_by(newer))


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
    fix = resume_command(Outcome(job.folder, INTERRUPTED, name))
    print(f"perch: Ray's {name} was killed; what was reported is kept\n  fix: {fix}", file=sys.stderr)
    os._exit(INTERRUPTED)


def python_path(study: Study) -> list[str]:
    """Folders from which workers import the study's own trainable."""
    return [] if study.trainable_is_ours else [str(Path(study.base).absolute())]
