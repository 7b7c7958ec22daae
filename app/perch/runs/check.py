"""Before a run starts: everything that can be wrong is found here."""

from __future__ import annotations

import os
import re
from pathlib import Path

from perch.errors import StudyError
from perch.runs.ending import free_bytes
from perch.runs.strategy import build_strategy
from perch.strategies.judged import no_training_loss
from perch.study import Study
from perch.trainables.kind import Kind
from perch.vocabulary import TRAINING_LOSSES


def check_metric(study: Study, allowed: bool = False) -> None:
    """A run must not choose by the rows that it is judged by in the end. Raises StudyError unless that is ``allowed``."""
    words = re.split(r"[^a-z]+", study.metric.lower())
    if "test" in words and not allowed:
        raise StudyError(
            f"metric: '{study.metric}' is made of test rows",
            why="what chooses among configurations fits them too: the test error would no longer say how good the winner is",
            fix="choose by a validation metric, or add --allow-test-metric and report the number as a validation error",
        )


def check(kind: Kind, allow_test_metric: bool = False) -> None:
    """Everything that can be found before Ray starts and without anything heavy."""
    check_metric(kind.study, allow_test_metric)
    check_content(kind)
    study = kind.study
    cpus = study.resources.cpus
    here = len(os.sched_getaffinity(0))
    if not os.environ.get("RAY_ADDRESS") and cpus > here:
        raise StudyError(
            f"resources.cpus: a trial needs {cpus:g} cores", why=f"this machine offers {here}", fix="ask for fewer"
        )
    if "wandb" in study.log:
        from perch.boards.wandb_process import require

        require()


def check_content(kind: Kind) -> None:
    """What is wrong with the study itself, wherever it will run: strategy, data, trainable or program."""
    strategy = build_strategy(kind.study, saves=kind.can_save)
    kind.check()
    program = kind.study.program if strategy.judged_by == "training_loss" else None
    if program is not None and program.keys and not set(TRAINING_LOSSES) & set(program.keys):
        raise no_training_loss(", ".join(program.keys))


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
