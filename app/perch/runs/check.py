"""Before a run starts: everything that can be wrong is found here."""

from __future__ import annotations

import os
from pathlib import Path

from perch.errors import StudyError
from perch.runs.ending import free_bytes
from perch.runs.strategy import build_strategy
from perch.trainables.kind import Kind


def check(kind: Kind) -> None:
    """Everything that can be found before Ray starts and without anything heavy."""
    study = kind.study
    build_strategy(study, saves=kind.can_save)
    kind.check()
    cpus = study.resources.cpus
    here = len(os.sched_getaffinity(0))
    if not os.environ.get("RAY_ADDRESS") and cpus > here:
        raise StudyError(
            f"resources.cpus: a trial needs {cpus:g} cores", why=f"this machine offers {here}", fix="ask for fewer"
        )
    if "wandb" in study.log:
        from perch.boards.wandb_process import require

        require()


def check_writable(out: Path) -> None:
    """Try to write where results will go."""
    existing = out
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StudyError(
            f"cannot write to '{out}'", why=f"'{existing}' is not a writable folder", fix="give another --out"
        )
    free = free_bytes(existing)
    if free is not None and free < 50_000_000:
        raise StudyError(f"'{out}' is full", why="less than 50 MB are free", fix="make room, or give another --out")
