"""10,000 one-epoch trials of a trivial trainable in one run: driver memory and time per trial, and how many files.

    python benchmarks/scale.py [--trials 10000]

Prints a JSON line per thousand trials, then ratios: what a trial costs between 9,000 and 10,000 over what it costs
between 1,000 and 2,000, for time and for memory that the command holds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
from command import run_command

from perch.log.events import Tail
from perch.log.folder import RunFolder

TOY = """
from ray import tune
class One(tune.Trainable):
    def setup(self, config): self.x = config["x"]
    def step(self): return {"loss": self.x}
    def save_checkpoint(self, checkpoint_dir): pass
    def reset_config(self, new_config): self.setup(new_config); return True
"""
STUDY = """
name: scale
trainable: one:One
space: {{x: {{float: [0, 1]}}}}
metric: loss
epochs: 1
budget: {{trials: {trials}}}
confirm: {{top: 0}}
strategy: rs
log: []
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        (base / "one.py").write_text(TOY)
        (base / "study.yaml").write_text(STUDY.format(trials=trials))
        folder = RunFolder(base / "out" / "r")
        command = run_command(base / "study.yaml", base / "out", "r")
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        driver = psutil.Process(process.pid)
        marks: dict[int, tuple[float, float]] = {}
        step = max(trials // 10, 1)
        done, tail = 0, None
        while process.poll() is None:
            if tail is None and folder.events.is_dir():
                tail = Tail(folder.events)
            done += sum(e["e"] == "result" for e in tail.new()) if tail is not None else 0
            mark = done // step * step
            if mark and mark not in marks:
                marks[mark] = (time.monotonic() - began, driver.memory_info().rss / 1e6)
                print(
                    json.dumps(
                        {"trials": mark, "seconds": round(marks[mark][0], 2), "driver_mb": round(marks[mark][1], 1)}
                    ),
                    flush=True,
                )
            time.sleep(0.02)
        assert process.returncode == 0, "the run failed"
        files = [p for p in folder.path.rglob("*") if p.is_file()]
        seconds = {m: marks[m][0] for m in marks}
        first, last = (seconds[2 * step] - seconds[step]) / step, (seconds[10 * step] - seconds[9 * step]) / step
        memory = (marks[10 * step][1] - marks[step][1]) / (9 * step) * 1e3
        print(json.dumps({
            "ms_per_trial_first": round(1e3 * first, 2), "ms_per_trial_last": round(1e3 * last, 2), "ratio": round(last / first, 2),
            "driver_kb_per_trial": round(memory, 2), "files": len(files), "bytes": sum(p.stat().st_size for p in files),
            "cores": os.cpu_count(),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
