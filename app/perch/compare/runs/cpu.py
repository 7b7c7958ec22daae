"""How much of the CPU that a run asked for it could have: other processes on the machine make a comparison unfair."""

from __future__ import annotations

import os
import threading
import time
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
    _cores: list[int] = field(default_factory=list)
    _start_s: float = 0.0
    _busy_s: float = 0.0
    _seen: dict[int, float] = field(default_factory=dict)
    _ours_s: float = 0.0

    def begin(self) -> None:
        """Start counting."""
        self._cores = sorted(os.sched_getaffinity(0))
        self._start_s, self._busy_s = time.monotonic(), _busy_s(self._cores)
        self.sample()
        self._ours_s = 0.0

    def sample(self) -> None:
        """Add what this process's tree has used; a process that ended since the last sample loses its last part."""
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            used = times.user + times.system
            self._ours_s += used - self._seen.get(process.pid, 0.0)
            self._seen[process.pid] = used

    def others_so_far_s(self) -> float:
        """Processor seconds of others until the last sample."""
        return max(0.0, _busy_s(self._cores) - self._busy_s - self._ours_s)

    def end(self) -> None:
        """Stop counting."""
        self.sample()
        self.wall_s = time.monotonic() - self._start_s
        self.others_core_s = self.others_so_far_s()
        asked = min(self.asked_cores, len(self._cores))
        if self.wall_s > 0 and asked > 0:
            left = len(self._cores) * self.wall_s - self.others_core_s
            self.share = max(0.0, min(1.0, left / (asked * self.wall_s)))


@contextmanager
def measured(asked_cores: float) -> Iterator[CpuShare]:
    """Measure over a with-block, by sampling this process and its descendants."""
    found, done = CpuShare(asked_cores), threading.Event()
    found.begin()

    def watch() -> None:
        while not done.wait(EVERY_S):
            found.sample()

    thread = threading.Thread(target=watch, daemon=True, name="cpu-share")
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()
        found.end()


def _busy_s(cores: list[int]) -> float:
    per_core: list[Any] = psutil.cpu_times(percpu=True)
    busy = (
        sum(t) - t.idle - getattr(t, "iowait", 0.0) - getattr(t, "guest", 0.0) for t in (per_core[c] for c in cores)
    )
    return float(sum(busy))
