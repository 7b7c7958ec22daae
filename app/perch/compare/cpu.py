"""How much of the CPU that a run asked for it could have: other processes on the machine make a comparison unfair."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

EVERY_S = 1.0


@dataclass
class CpuShare:
    """Filled when the measurement ends. ``share``: processor time left by others over what was asked for, at most 1."""

    asked_cores: float
    share: float | None = None
    wall_s: float = 0.0
    others_core_s: float = 0.0
    """Processor seconds that processes outside this one's tree used, stolen ones included."""
    _seen: dict[int, float] = field(default_factory=dict)
    _ours_s: float = 0.0


@contextmanager
def measured(asked_cores: float) -> Iterator[CpuShare]:
    """Measure over a with-block, by sampling this process and its descendants."""
    found, done = CpuShare(asked_cores), threading.Event()
    cores = sorted(os.sched_getaffinity(0))
    start_s, busy_s = _now(), _busy_s(cores)
    _sample(found)
    found._ours_s = 0.0

    def watch() -> None:
        while not done.wait(EVERY_S):
            _sample(found)

    thread = threading.Thread(target=watch, daemon=True, name="cpu-share")
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()
        _sample(found)
        found.wall_s = _now() - start_s
        found.others_core_s = max(0.0, _busy_s(cores) - busy_s - found._ours_s)
        asked = min(asked_cores, len(cores))
        if found.wall_s > 0 and asked > 0:
            left = len(cores) * found.wall_s - found.others_core_s
            found.share = max(0.0, min(1.0, left / (asked * found.wall_s)))


def _sample(found: CpuShare) -> None:
    """Add what this process's tree has used since the last sample; a process that ended in between loses its last part."""
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        used = times.user + times.system
        found._ours_s += used - found._seen.get(process.pid, 0.0)
        found._seen[process.pid] = used


def _busy_s(cores: list[int]) -> float:
    per_core: list[Any] = psutil.cpu_times(percpu=True)
    busy = (
        sum(t) - t.idle - getattr(t, "iowait", 0.0) - getattr(t, "guest", 0.0) for t in (per_core[c] for c in cores)
    )
    return float(sum(busy))


def _now() -> float:
    import time

    return time.monotonic()
