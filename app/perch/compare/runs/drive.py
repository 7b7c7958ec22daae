"""Run a comparison: one run after the other on one Ray, each checked for the CPU that it got, all of it resumable."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from perch.compare.runs.cpu import measured
from perch.compare.runs.plan import ComparePlan, Job
from perch.trainables import kind_of

REPEATS_MAX = 2
"""A run that got too little of the CPU is repeated this often; then it is kept, and said."""


@dataclass(frozen=True)
class Condition:
    """Under which circumstances a run ran."""

    label: str
    budget_s: float
    wall_s: float
    cpu_share: float | None
    cores: int
    host: str
    date: str
    repeat: int


def runs_folder(folder: Path) -> Path:
    """Where a comparison's runs lie."""
    return folder / "runs"


def condition_of(folder: Path, job: Job) -> Condition | None:
    """The circumstances of a run that has ended; None when it has not."""
    path = folder / "conditions" / f"{job.label}.json"
    return Condition(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def drive(
    plan: ComparePlan,
    folder: Path,
    *,
    only: int | None = None,
    min_cpu_share: float = 0.9,
    say: Callable[[str], None] = print,
    ended: Callable[[], None] | None = None,
) -> int:
    """Run what has not run yet. ``only``: this one of the plan's runs (an array job on a cluster). Returns 0, 1 or 75.

    ``ended`` is called after each run, before the next one starts: what it does takes nothing from a run.
    """
    from perch.engine.ray_session import session, surroundings
    from perch.runs.check import check
    from perch.runs.resolve import resolved

    jobs = plan.jobs()
    chosen = list(enumerate(jobs)) if only is None else [(only, jobs[only])]
    waiting = [(i, job) for i, job in chosen if not _ended(plan, folder, job)]
    if not waiting:
        return 0
    paths = kind_of(plan.study).python_path
    with surroundings(paths) as private:  # before the checks: they import a user's trainable, and that may import Ray
        for strategy in plan.strategies:
            check(
                kind_of(resolved(plan.study_of(Job(strategy, plan.seeds[0])))), allow_test_metric=True
            )  # see compare.command
        _prepare(plan, folder)
        os.environ.setdefault("PERCH_REPORT", "0")  # the runs' own reports would take CPU from the next run
        from perch.engine.tune_books import prepare_environment

        prepare_environment()
        with session(private, paths):  # every run finds this Ray initialised, uses it, and leaves it alone
            for i, job in waiting:
                code = _one(plan, folder, job, f"{i + 1}/{len(jobs)}", min_cpu_share, say)
                if code != 0:
                    return code
                if ended is not None and (i, job) != waiting[-1]:
                    ended()
    return 0


def _one(
    plan: ComparePlan, folder: Path, job: Job, place: str, min_cpu_share: float, say: Callable[[str], None]
) -> int:  # fmt: skip
    """One run with its repeats."""
    from perch.engine.signals import Leave
    from perch.runs.runner import run_study

    study = plan.study_of(job)
    cores = os.cpu_count() or 1
    _take_signals()
    for repeat in range(REPEATS_MAX + 1):
        say(f"{place} {job.label}: running for {plan.budget_s:g} s")
        try:
            with measured(float(cores)) as cpu:
                outcome = run_study(
                    study, out=runs_folder(folder), run_id=job.label, quiet=True, allow_test_metric=True
                )
        except Leave:  # a second signal, while the run wrote its record
            return 75
        _take_signals()
        if outcome.code != 0:
            say(f"{place} {job.label}: ended with code {outcome.code}: {outcome.why}")
            return outcome.code
        share = cpu.share
        text = "unknown" if share is None else f"{share:.0%}"
        say(f"{place} {job.label}: done in {cpu.wall_s:.1f} s, CPU share {text}")
        enough = share is None or share >= min_cpu_share
        if enough or repeat == REPEATS_MAX:
            _note(folder, Condition(
                job.label, plan.budget_s, cpu.wall_s, share, cores, platform.machine(),
                time.strftime("%Y-%m-%d %H:%M", time.gmtime()), repeat,
            ))  # fmt: skip
            if not enough:
                say(f"{job.label}: kept with {text} of the CPU after {repeat} repeats")
            return 75 if outcome.signals else 0  # a signal while the finished run wrote its record
        say(f"{job.label}: got {text} of the CPU, less than {min_cpu_share:.0%}; repeated")
        shutil.rmtree(runs_folder(folder) / job.label)
        if outcome.signals:
            return 75
    return 0


def _take_signals() -> None:
    """Between runs an interruption, a SIGTERM or SIGHUP ends the comparison; during a run the run takes them, saves and says 75."""
    from perch.engine.signals import ignored_from_outside

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if not ignored_from_outside(number):
                signal.signal(number, signal.default_int_handler)


def _prepare(plan: ComparePlan, folder: Path) -> None:
    """Build the graphs once, so that the first run does not pay for all."""
    kind_of(plan.study).data(runs_folder(folder) / ".cache")


def _ended(plan: ComparePlan, folder: Path, job: Job) -> bool:
    found = condition_of(folder, job)
    return found is not None and found.budget_s >= plan.budget_s and (runs_folder(folder) / job.label).is_dir()


def _note(folder: Path, condition: Condition) -> None:
    path = folder / "conditions" / f"{condition.label}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(asdict(condition), indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
