"""How runs stand: the queue's view, which only the host has, joined with what the runs' folders say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perch import yaml12
from perch.errors import ClusterError

SQUEUE_FORMAT: Final = "%i|%j|%T|%M|%l|%D|%R"
"""What ``squeue -h --me -o`` is to print: id, name, state, time used, limit, nodes, reason or node list."""


@dataclass(frozen=True)
class Queued:
    """One line of squeue."""

    job_id: str
    run_id: str
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
        if len(parts) != 7 or not parts[5].isdigit():
            error = ClusterError(
                f"this is no line of squeue in the format wanted: {line.strip()[:80]}",
                why=f"seven fields with | between them: {SQUEUE_FORMAT}",
                fix=f"squeue -h --me -o '{SQUEUE_FORMAT}' | perch slurm status -",
            )
            error.exit_code = 2
            raise error
        if parts[1].startswith("perch-"):
            job_id, name, state, used, limit, nodes, where = parts
            _, _, task = job_id.partition("_")  # a task of an array runs its own study; waiting ones read 12_[3-9]
            run_id = name.removeprefix("perch-") + (f"-{task}" if task.isdigit() else "")
            jobs.append(Queued(job_id, run_id, state, used, limit, int(nodes), where))
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
    failed = sum(state in ("failed", "diverged") for state in states)
    return Progress(len(states) - running - failed, running, failed, best, _done(run_folder))


def report(jobs: Iterable[Queued], out: Path) -> list[str]:
    """A line per run: those in the queue first, then those that only have a folder."""
    jobs = list(jobs)
    lines = []
    for job in jobs:
        queue = f"{job.state.lower()} {job.used} of {job.limit} on {job.nodes} node(s) {job.where}".rstrip()
        lines.append(f"{job.run_id}: job {job.job_id} {queue}; {_told(progress(out / job.run_id))}")
    queued = {job.run_id for job in jobs}
    for marks in sorted(out.glob("*.slurm")):
        run_id = marks.name.removesuffix(".slurm")
        if run_id not in queued:
            lines.append(f"{run_id}: not in the queue; {_told(progress(out / run_id))}")
    return lines or [f"no job of Perch in the queue, and no run in {out}"]


def stop(run_folder: Path) -> Path:
    """Ask whichever attempt runs to save and end: leave the stop file. Raises ClusterError (exit 2) without a run."""
    if not run_folder.is_dir():
        error = ClusterError(
            f"no run at '{run_folder}'",
            why="there is no such folder",
            fix="give OUT/RUN_ID, as 'perch slurm status' names it",
        )
        error.exit_code = 2
        raise error
    path = run_folder / "stop"
    path.touch()
    return path


def _told(state: Progress | None) -> str:
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
