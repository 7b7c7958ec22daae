"""What a trial needs of a cluster, and how many trials fit it at once."""

from __future__ import annotations

import time
from typing import Any

from perch.errors import ClusterError
from perch.study import Study


def trial_resources(study: Study, capacity: dict[str, float]) -> dict[str, float]:
    """Cores and GPUs of one trial; where the study does not say, one GPU if there are any."""
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


def slots(capacity: dict[str, float], resources: dict[str, float]) -> int:
    """How many trials fit at once."""
    number = int(capacity["CPU"] / resources["cpu"] + 1e-6)
    if resources.get("gpu"):
        number = min(number, int(capacity["GPU"] / resources["gpu"] + 1e-6))
    return number


FIRST_WORKER_S = 60.0
"""How long a run on a cluster waits for its first worker before it places trials (which makes an autoscaler act)."""


def first_capacity(study: Study, ray_session: Any) -> dict[str, float]:
    """What the cluster offers once its first worker is there: whether trials get a GPU is decided by it."""
    end = time.monotonic() + (0.0 if ray_session.private else FIRST_WORKER_S)
    while True:
        capacity: dict[str, float] = ray_session.capacity()
        if capacity["CPU"] >= study.resources.cpus or time.monotonic() > end:
            return capacity
        time.sleep(0.5)
