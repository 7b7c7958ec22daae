"""Perch on one page: strategies decide, workers work, the log remembers. No Ray, no torch; Python alone.

ASHA tunes twelve configurations over learning curves that were recorded from the embedded data, with three workers on a
virtual clock. The run is killed half-way, its last line torn, and goes on from its log as if nothing had happened.

    python docs/mini_asha.py
"""

from __future__ import annotations

import heapq
import json
from bisect import insort
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
EPOCHS, ETA, WORKERS = 9, 3, 3

# fmt: off
# Configuration, CPU seconds per epoch, validation error in eV after each epoch: recorded by docs/mini_asha_record.py.
RECORDED: list[tuple[str, float, list[float]]] = [
    ("width 18, 1 layers, lr 0.0012, batch 64, adsorbate", 0.45, [1.51, 1.51, 1.429, 1.359, 1.215, 1.058, 0.951, 0.93, 0.84]),
    ("width 8, 2 layers, lr 0.0116, batch 64, adsorbate", 0.06, [1.518, 1.458, 1.311, 1.064, 0.963, 0.869, 0.708, 0.805, 0.731]),
    ("width 60, 1 layers, lr 0.0025, batch 32, adsorbate", 0.17, [1.55, 1.283, 1.015, 0.838, 0.904, 0.853, 0.867, 0.706, 0.632]),
    ("width 51, 3 layers, lr 0.0010, batch 64, adsorbate", 0.32, [1.52, 1.507, 1.49, 1.407, 1.226, 0.989, 0.804, 0.861, 0.667]),
    ("width 15, 1 layers, lr 0.0071, batch 16, mean", 0.09, [1.48, 1.431, 1.396, 1.255, 1.151, 1.101, 0.936, 0.856, 0.834]),
    ("width 15, 2 layers, lr 0.0013, batch 32, mean", 0.12, [1.511, 1.519, 1.478, 1.441, 1.362, 1.394, 1.223, 1.305, 1.097]),
    ("width 19, 1 layers, lr 0.0011, batch 64, mean", 0.07, [1.527, 1.531, 1.517, 1.529, 1.515, 1.486, 1.471, 1.457, 1.46]),
    ("width 57, 2 layers, lr 0.0208, batch 16, adsorbate", 0.34, [1.537, 1.411, 1.351, 1.248, 1.357, 1.484, 0.991, 0.8, 1.119]),
    ("width 11, 3 layers, lr 0.0152, batch 64, adsorbate", 0.13, [1.658, 1.574, 1.145, 1.81, 2.188, 1.062, 0.709, 0.67, 0.727]),
    ("width 25, 2 layers, lr 0.0221, batch 64, mean", 0.16, [1.771, 1.47, 1.503, 1.487, 1.443, 1.304, 1.205, 1.804, 1.466]),
    ("width 38, 3 layers, lr 0.0229, batch 16, mean", 0.24, [1.525, 1.527, 1.526, 1.53, 1.525, 1.556, 1.522, 1.517, 1.523]),
    ("width 10, 3 layers, lr 0.0056, batch 32, mean", 0.13, [1.51, 1.485, 1.5, 1.287, 1.293, 1.036, 1.192, 0.945, 0.84]),
]
# fmt: on


class Asha:
    """Asynchronous successive halving: at epochs 1 and 3 a trial ends unless it is among the best third so far."""

    def __init__(self, trials: int) -> None:
        self.trials = trials
        self.started = 0
        self.rungs: dict[int, list[float]] = {1: [], 3: []}  # epoch -> sorted values

    def ask(self) -> int | None:
        """Number of the next configuration for a free worker, None when all have been started."""
        return self.started if self.started < self.trials else None

    def tell(self, epoch: int, value: float) -> str:
        """What becomes of a trial. Only looks."""
        if epoch >= EPOCHS:
            return "stop"
        rung = self.rungs.get(epoch)
        return "stop" if rung and value > cutoff(rung) else "go"

    def applied(self, event: Event) -> None:
        """Take note of what happened. The only method that changes anything, live and in replay alike."""
        if event["e"] == "trial":
            self.started += 1
        elif event["e"] == "result" and event["epoch"] in self.rungs:
            insort(self.rungs[event["epoch"]], event["value"])


def cutoff(rung: list[float]) -> float:
    """The value that the best third of a rung reaches, interpolated."""
    place = (len(rung) - 1) / ETA
    below = int(place)
    above = min(below + 1, len(rung) - 1)
    return rung[below] + (place - below) * (rung[above] - rung[below])


class Run:
    """What a log means: ``apply`` is called for every event, new or read back."""

    def __init__(self, strategy: Asha) -> None:
        self.strategy = strategy
        self.live: dict[int, int] = {}  # trial -> epochs in the log
        self.best: tuple[float, int] | None = None
        self.used_s = 0.0

    def apply(self, event: Event) -> None:
        """Take one event into account."""
        self.used_s = event["used_s"]
        trial = event["trial"]
        if event["e"] == "trial":
            self.live[trial] = 0
        else:
            self.live[trial] = event["epoch"]
            self.best = min(self.best or (9.0, 0), (event["value"], trial))
            if event["d"] == "stop":
                del self.live[trial]
        self.strategy.applied(event)


def drive(run: Run, write: Callable[[Event], None]) -> None:
    """Three workers on a virtual clock. Whatever changes the run is written first, then applied."""
    clock = run.used_s
    busy: list[tuple[float, int]] = []

    def happened(event: Event) -> None:
        write(event)
        run.apply(event)

    def train(trial: int) -> None:
        heapq.heappush(busy, (round(clock + RECORDED[trial][1], 3), trial))

    for trial in run.live:  # those that an earlier attempt left running
        train(trial)
    while True:
        while len(busy) < WORKERS and (new := run.strategy.ask()) is not None:
            happened({"e": "trial", "trial": new, "used_s": clock})
            train(new)
        if not busy:
            return
        clock, trial = heapq.heappop(busy)
        epoch = run.live[trial] + 1
        value = RECORDED[trial][2][epoch - 1]
        decision = run.strategy.tell(epoch, value)
        happened({"e": "result", "trial": trial, "epoch": epoch, "value": value, "d": decision, "used_s": clock})
        if decision == "go":
            train(trial)


class Killed(Exception):
    """Stands for ``kill -9``."""


def attempt(log: list[str], lives: int | None = None) -> Run:
    """Start, or go on: apply what the log holds, then drive. ``lives``: events until it is killed, the last one torn."""
    run = Run(Asha(len(RECORDED)))
    if log and not log[-1].endswith("\n"):
        print(f"  a torn line is cut off: {log.pop()}")
    for line in log:
        run.apply(json.loads(line))
    left = lives

    def write(event: Event) -> None:
        nonlocal left
        line = json.dumps(event) + "\n"
        if left == 0:
            log.append(line[:30])
            raise Killed
        log.append(line)
        left = None if left is None else left - 1

    drive(run, write)
    return run


def main() -> None:
    """Kill a run, go on, and show what it found."""
    log: list[str] = []
    try:
        attempt(log, lives=25)
    except Killed:
        print(f"killed after {len(log) - 1} events")
    run = attempt(log)
    events = [json.loads(line) for line in log]
    print(f"went on to the end: {len(events)} events, {run.used_s:.1f} s of work on the clock\n")
    for trial, (config, _, curve) in enumerate(RECORDED):
        mine = [e for e in events if e["e"] == "result" and e["trial"] == trial]
        last = mine[-1]
        fate = "trained to the end" if last["epoch"] == EPOCHS else f"stopped at epoch {last['epoch']}"
        print(f"  {trial:2}  {config:56} {fate:20} {last['value']:.3f} eV   (in the end: {curve[-1]:.3f})")
    assert run.best is not None
    epochs = sum(e["e"] == "result" for e in events)
    print(
        f"\nbest: configuration {run.best[1]}, {run.best[0]:.3f} eV, after {epochs} epochs; all to the end: {len(RECORDED) * EPOCHS}"
    )
    missed = min((min(curve), trial) for trial, (_, _, curve) in enumerate(RECORDED))
    print(f"best of all, had every one been trained to the end: configuration {missed[1]}, {missed[0]:.3f} eV")


if __name__ == "__main__":
    main()
