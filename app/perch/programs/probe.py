"""One epoch of a program, to see that a study's settings hold and what a campaign would cost."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perch.command import Command
from perch.programs.order import Order
from perch.programs.training import Training
from perch.study import SMALLEST_RACE, Study


@dataclass(frozen=True)
class Probe:
    """What one epoch showed. Times in seconds; ``epoch_s`` is the second epoch's where it was waited for."""

    values: Mapping[str, float]
    startup_s: float
    epoch_s: float
    stop_s: float
    peak_memory_bytes: int
    checkpoint: str | None


def probe(study: Study, spec: Command, config: Mapping[str, Any], epochs: int = 2) -> Probe:
    """Train ``epochs`` epochs of a configuration, save and stop. Raises TrialError for what goes wrong."""
    import time

    folder = Path(tempfile.mkdtemp(prefix="perch-probe-"))
    given = study.resources
    order = Order("probe", 0, 1, study.epochs, given.cpus, given.gpus_each, str(folder), study.metric, study.mode)
    training = Training(spec, order, config)
    try:
        row: dict[str, float] = {}
        for _ in range(min(epochs, study.epochs)):
            row = training.next_epoch() or row
        assert training.follower is not None and training.child is not None
        name = None
        if spec.can_resume:
            training.save(folder / "saved")
            name = next(p.name for p in (folder / "saved" / "files").rglob("*") if p.is_file())
        began = time.monotonic()
        child = training.child
        training.close()
        stop_s = time.monotonic() - began
        exit_ = child.poll()
        memory = exit_.peak_memory_bytes if exit_ is not None else 0
        return Probe(row, training.follower.startup_s, training.epoch_s, stop_s, memory, name)
    finally:
        training.close()
        shutil.rmtree(folder, ignore_errors=True)


def epochs_of_asha(trials: int, epochs: int, reduction_factor: int = 3) -> float:
    """Epochs that successive halving trains in all, a third of the trials going on at each rung (Li et al., MLSys 2020)."""
    total, rung, share = 0.0, 1, 1.0
    before = 0
    while rung < epochs:
        total += share * (rung - before)
        before, rung, share = rung, rung * reduction_factor, share / reduction_factor
    return trials * (total + share * (epochs - before))


def cost_s(study: Study, found: Probe) -> tuple[float, float]:
    """Worker seconds of a campaign: the search under ASHA, and at most of the trainings with fresh seeds."""
    trials = study.budget.trials or 1
    each_s = found.startup_s + found.stop_s
    search = trials * each_s + epochs_of_asha(trials, study.epochs) * found.epoch_s
    training_s = each_s + study.epochs * found.epoch_s
    confirm = study.confirm
    most = (confirm.top + 1) * confirm.seeds if confirm.top else 0  # the starting point takes part
    if confirm.share is None or not most:
        return search, most * training_s
    paid = math.floor(confirm.share * epochs_of_asha(trials, study.epochs) / study.epochs)
    return search, min(max(paid, SMALLEST_RACE), most) * training_s


def workers(study: Study, cores: int) -> int:
    """Trials that run at once on so many cores."""
    return max(math.floor(cores / study.resources.cpus), 1)
