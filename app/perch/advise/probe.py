"""What an epoch costs, when there is no record: asked, or measured by training a few configurations for a minute."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from perch.errors import RecordError
from perch.record import Run, load
from perch.rehearse.tables.measured import recorded_of
from perch.rehearse.tables.table import COMPLETED, Recorded, Table
from perch.simulate import PowerLaw
from perch.space import Space
from perch.study import Study
from perch.vocabulary import EPOCH_S

CURVES: Final = 500
"""Constructed curves behind a plan without a record: their order matters little, only that a rung sees many."""

MOST: Final = 16
"""Trials of a probe: their epochs tell the mean well enough."""

SPREAD: Final = 0.5
"""Standard deviation of the logarithm of epoch times where nobody has measured it: half as long to twice as long is usual."""


@dataclass(frozen=True)
class Cost:
    """Seconds of an epoch over random configurations: mean, and standard deviation of the logarithm; and the delays."""

    epoch_s: float
    spread: float
    recorded: Recorded


def asked(epoch_s: float) -> Cost:
    """A mean that somebody named."""
    return Cost(epoch_s, SPREAD, Recorded())


def measure(study: Study, minutes: float) -> Cost:
    """Train a space-filling set for some minutes in a temporary folder, and time its epochs. Raises RecordError."""
    from perch.runs.runner import run_study

    spec = study.model_dump(by_alias=True)
    spec.update(strategy="design", budget={"time": 60.0 * minutes, "trials": MOST}, confirm={"top": 0}, log=[])
    with tempfile.TemporaryDirectory(prefix="perch-probe-") as folder:
        outcome = run_study(Study.model_validate(spec), out=Path(folder), run_id="probe")
        run = load(outcome.folder.path)
        if outcome.code != 0 or run.curves.empty:
            raise RecordError(
                f"the probe of {60 * minutes:g} s saw no epoch end", why=str(outcome.why or "an epoch takes longer"),
                fix="give it longer (--probe 10m), say how long an epoch takes (--epoch-s), or give a --record",
            )  # fmt: skip
        return _cost(run)


def _cost(run: Run) -> Cost:
    means = run.curves.groupby("trial_id")[EPOCH_S].mean().to_numpy(float)
    spread = float(np.log(means).std(ddof=1)) if len(means) > 2 else SPREAD
    return Cost(float(means.mean()), spread, recorded_of([run]))


def constructed(space: Space, epochs: int, cost: Cost, metric: str) -> Table:
    """A table of constructed curves with these epoch times: power laws, whose values mean nothing, so that a plan may count
    rungs but names no value. How many trials pass a rung hardly depends on values: a rung keeps one in η of any.
    """
    law = PowerLaw(space, noise=0.02)
    rng = np.random.default_rng(0)
    configs = tuple(space.draw(0, k, "plan") for k in range(CURVES))
    values = np.array([[_value(law, c, k, e) for e in range(1, epochs + 1)] for k, c in enumerate(configs)])
    factor = np.exp(rng.normal(-(cost.spread**2) / 2, cost.spread, CURVES))
    seconds = np.repeat((cost.epoch_s * factor)[:, None], epochs, axis=1)
    return Table(
        name="constructed curves", space=space, configs=configs, config_of=np.arange(CURVES), values=values, seconds=seconds,
        fates=(COMPLETED,) * CURVES, weights=np.ones(CURVES), metric=metric, recorded=cost.recorded,
    )  # fmt: skip


def _value(law: PowerLaw, config: Mapping[str, Any], number: int, epoch: int) -> float:
    return law.value(config, f"{number:05d}", epoch)
