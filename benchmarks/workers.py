"""Many real Ray workers on one machine, with epochs that only sleep: what the command that drives them costs for each result.

    python benchmarks/workers.py [--workers 2 8 64] [--epoch-s 2] [--strategy asha]

A worker has a share of a core, so that Ray starts as many processes as are asked for; each needs some 150 MB. Measured from the
moment when all have reported to the last result that was reported while all of them still had trials, a JSON line for each number:
results a second, beside what workers that never wait would give; processor time of the driving process per result; its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from command import run_command

from perch.log.events import Tail
from perch.log.folder import RunFolder

TOY = """
import time
from ray import tune
class Sleeper(tune.Trainable):
    def setup(self, config): self.x = config["x"]
    def step(self):
        time.sleep({epoch_s})
        return {{"loss": abs(self.x - 0.3) + 1 / self.training_iteration if self.training_iteration else self.x}}
    def save_checkpoint(self, checkpoint_dir): pass
    def reset_config(self, new_config): self.setup(new_config); return True
"""
STUDY = """
name: workers
trainable: sleeper:Sleeper
space: {{x: {{float: [0, 1]}}}}
metric: loss
epochs: 9
budget: {{trials: {trials}}}
confirm: {{top: 0}}
strategy: {strategy}
resources: {{cpus: {share}}}
log: []
"""


@dataclass(frozen=True)
class Mark:
    """The driving process at some moment: results so far, seconds since the start, its processor seconds and resident bytes."""

    results: int
    at_s: float
    cpu_s: float
    rss: int


def measured(workers: int, strategy: str, epoch_s: float, trials: int) -> dict[str, object]:
    """One run of so many workers."""
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        (base / "sleeper.py").write_text(TOY.format(epoch_s=epoch_s))
        share = round(len(os.sched_getaffinity(0)) / workers, 6)
        (base / "study.yaml").write_text(STUDY.format(trials=trials, strategy=strategy, share=share))
        folder = RunFolder(base / "out" / "r")
        began_s = time.monotonic()
        process = subprocess.Popen(run_command(base / "study.yaml", base / "out", "r"), stdout=subprocess.DEVNULL)
        first, last, at_once = _followed(process, folder, workers, began_s)
        if process.wait() != 0:
            raise SystemExit(f"the run of {workers} workers failed")
    results, seconds = last.results - first.results, last.at_s - first.at_s
    return {
        "workers": workers, "at_once": at_once, "all_at_work_s": round(first.at_s, 1), "results": results,
        "results_per_s": round(results / seconds, 2), "of_possible": round(results / seconds / (workers / epoch_s), 3),
        "driver_ms_per_result": round(1e3 * (last.cpu_s - first.cpu_s) / results, 2), "driver_mb": last.rss // 2**20,
    }  # fmt: skip


def _followed(
    process: subprocess.Popen[bytes], folder: RunFolder, workers: int, began_s: float
) -> tuple[Mark, Mark, int]:
    """The marks between which all workers had trials, and the most trials that ran at once."""
    driver, tail = psutil.Process(process.pid), None
    seen: set[str] = set()
    running: set[str] = set()
    at_once, results = 0, 0
    first = last = None
    while process.poll() is None:
        if tail is None and folder.events.is_dir():
            tail = Tail(folder.events)
        for event in tail.new() if tail is not None else []:
            match event["e"]:
                case "start":
                    running.add(event["id"])
                case "result":
                    results += 1
                    seen.add(event["id"])
                    if event["d"] in ("stop", "pause"):
                        running.discard(event["id"])
                case "error":
                    running.discard(event["id"])
            at_once = max(at_once, len(running))
        if len(seen) >= workers and process.poll() is None:
            mark = Mark(results, time.monotonic() - began_s, sum(driver.cpu_times()[:2]), driver.memory_info().rss)
            first = first or mark
            last = mark if last is None or len(running) >= workers - 1 else last
        time.sleep(0.05)
    if first is None or last is None or last.results == first.results:
        raise SystemExit(f"{workers} workers were never all at work: give more --trials-per-worker")
    return first, last, at_once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 8, 64])
    parser.add_argument("--epoch-s", type=float, default=2.0)
    parser.add_argument("--strategy", default="asha")
    parser.add_argument("--trials-per-worker", type=int, default=12)
    a = parser.parse_args()
    for workers in a.workers:
        print(json.dumps(measured(workers, a.strategy, a.epoch_s, a.trials_per_worker * workers)), flush=True)
    print(json.dumps({"cores": len(os.sched_getaffinity(0)), "load": [round(n, 1) for n in os.getloadavg()]}))


if __name__ == "__main__":
    main()
