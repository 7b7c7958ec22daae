"""How runs stand: the queue's view, which only the host has, joined with what the runs' folders say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perch import yaml12
from perch.clusters.slurm.comment import BY_SCRIPT, PREFIX, folder
from perch.clusters.slurm.refuse import bad

SQUEUE_FORMAT: Final = "%i|%j|%T|%M|%l|%D|%R|%Z|%k"
"""What ``squeue -h --me -o`` is to print: id, name, state, time used, limit, nodes, reason or node list, folder, comment."""


@dataclass(frozen=True)
class Queued:
    """One line of squeue.

    ``folder``: the run's, None where the job's comment names none (a task of an array that waits, say). ``sure``: the job or
    its chain has said so itself; else it is what the script says, and knobs set from outside may lead elsewhere.
    """

    job_id: str
    name: str
    folder: Path | None
    sure: bool
    state: str
    used: str
    limit: str
    nodes: int
    where: str


@dataclass(frozen=True)
class Progress:
    """What a run's folder says; ``best`` in the study's own metric."""

    finished: int
    running: int
    failed: int
    best: float | None
    done: bool


def parse_squeue(lines: Iterable[str]) -> list[Queued]:
    """Read the jobs of Perch out of squeue's lines. Raises ClusterError (exit 2) for another format."""
    jobs = []
    for line in lines:
        if not line.strip():
            continue
        parts = line.rstrip("\n").split("|")
        if len(parts) > 9:  # the folder may hold a |, the comment does not
            parts = [*parts[:7], "|".join(parts[7:-1]), parts[-1]]
        if len(parts) != 9 or not parts[5].isdigit():
            raise bad(
                f"this is no line of squeue in the format wanted: {line.strip()[:80]}",
                why=f"nine fields with | between them: {SQUEUE_FORMAT}",
                fix=f"squeue -h --me -o '{SQUEUE_FORMAT}' | perch slurm status -",
            )
        job_id, name, state, used, limit, nodes, where, work_dir, text = parts
        if text.startswith((PREFIX, BY_SCRIPT)) or name.startswith("perch-"):
            _, _, task = job_id.partition("_")  # a task of an array runs its own study; waiting ones read 12_[3-9]
            jobs.append(
                Queued(
                    job_id,
                    name,
                    folder(text, work_dir, task),
                    text.startswith(PREFIX),
                    state,
                    used,
                    limit,
                    int(nodes),
                    where,
                )
            )
    return jobs


def progress(run_folder: Path) -> Progress | None:
    """Count trials in the run's table; None before there is one."""
    table = run_folder / "trials.parquet"
    if not table.is_file():
        return None
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(table, columns=["status", "best_value"]).to_pylist()
    values = [row["best_value"] for row in rows if row["best_value"] is not None]
    best = (max if _mode(run_folder) == "max" else min)(values, default=None)
    states = [row["status"] for row in rows]
    running = sum(state in ("running", "paused") for state in states)
    states = [state for state in states if state != "infeasible"]
    failed = sum(state in ("failed", "diverged") for state in states)
    return Progress(len(states) - running - failed, running, failed, best, _done(run_folder))


def report(jobs: Iterable[Queued], out: Path) -> list[str]:
    """A line per job with the run in its own folder, then the runs in ``out`` that no job names."""
    jobs = list(jobs)
    lines = []
    for job in jobs:
        queue = f"{job.state.lower()} {job.used} of {job.limit} on {job.nodes} node(s) {job.where}".rstrip()
        if job.folder is None:
            lines.append(f"{job.name}: job {job.job_id} {queue}; its comment names no run's folder yet")
            continue
        if not job.sure:
            lines.append(f"{job.name}: job {job.job_id} {queue}; says when it begins whether its run is '{job.folder}'")
            continue
        shown = job.folder.name if _same(job.folder.parent, out) else str(job.folder)
        lines.append(f"{shown}: job {job.job_id} {queue}; {_state(progress(job.folder))}")
    queued = {job.folder.resolve() for job in jobs if job.folder is not None and job.sure}
    for marks in sorted(out.glob("*.slurm")):
        run = marks.with_suffix("")
        if run.resolve() not in queued:
            lines.append(f"{run.name}: not in the queue; {_state(progress(run))}")
    return lines or [f"no job of Perch in the queue, and no run in {out}"]


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def driver_log(run_folder: Path) -> Path:
    """The driver's log of the run's newest job and restart. Raises ClusterError (exit 2) before there is one."""
    logs = list(run_folder.with_name(f"{run_folder.name}.slurm").glob("*/logs-*/0-*/driver.log"))
    if not logs:
        raise bad(
            f"no job of the run '{run_folder}' has begun",
            why=f"there is no {run_folder.name}.slurm/JOB/logs-0/…/driver.log",
            fix="give OUT/RUN_ID, as 'perch slurm status' names it; until it runs, read the job's own output",
        )
    return max(logs, key=lambda path: path.stat().st_mtime)


def stop(run_folder: Path) -> Path:
    """Ask whichever attempt runs to save and end: leave the stop file. Raises ClusterError (exit 2) without a run."""
    if not run_folder.is_dir():
        raise bad(
            f"no run at '{run_folder}'",
            why="there is no such folder",
            fix="give OUT/RUN_ID, as 'perch slurm status' names it",
        )
    path = run_folder / "stop"
    path.touch()
    return path


def _state(state: Progress | None) -> str:
    if state is None:
        return "nothing reported yet"
    best = "none yet" if state.best is None else f"{state.best:.4g}"
    end = ", finished" if state.done else ""
    return f"{state.finished} trials ended, {state.running} open, {state.failed} failed, best {best}{end}"


def _done(run_folder: Path) -> bool:
    return (run_folder / "summary.json").is_file() and bool(json.loads((run_folder / "summary.json").read_text()))


def _mode(run_folder: Path) -> str:
    study = run_folder / "study.yaml"
    content = yaml12.load(study.read_text()) if study.is_file() else {}
    return str(content.get("mode", "min")) if isinstance(content, dict) else "min"
