"""How much of the workers' time is spent training, with trials of five seconds; a stock ``tune.Tuner`` beside it.

    python benchmarks/busy.py [--trials 40] [--epochs 5] [--epoch-s 1.0]

Both sides train the same sleeping trainable (five epochs of a second) under random search on the same two cores, in
one run, in turns. The share is training seconds over worker seconds from the first trial's start to the last result.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from command import run_command

from perch.record import load

TRAINABLE = """
import os, time
from ray import tune
class Sleeper(tune.Trainable):
    def setup(self, config): self.config = config
    def step(self):
        time.sleep({epoch_s})
        with open(os.environ["SPANS"], "a") as f: f.write(f"{{time.time()}}\\n")
        return {{"loss": self.config["x"]}}
    def save_checkpoint(self, checkpoint_dir): return None
    def load_checkpoint(self, checkpoint): pass
    def reset_config(self, new_config): self.config = new_config; return True
"""
STUDY = """
name: busy
trainable: sleeper:Sleeper
space: {{x: {{float: [0, 1]}}}}
metric: loss
epochs: {epochs}
budget: {{trials: {trials}}}
confirm: {{top: 0}}
strategy: rs
"""
STOCK = """
import sys; sys.path.insert(0, sys.argv[1])
from ray import tune; import ray
from sleeper import Sleeper
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
tune.Tuner(tune.with_resources(Sleeper, {{"cpu": 1}}), param_space={{"x": tune.uniform(0, 1)}},
    tune_config=tune.TuneConfig(num_samples={trials}, reuse_actors={reuse}, metric="loss", mode="min"),
    run_config=tune.RunConfig(storage_path=sys.argv[1] + "/stock", verbose=0, stop={{"training_iteration": {epochs}}})).fit()
"""


def share(spans: Path, epoch_s: float, workers: int = 2) -> float:
    """Training seconds over worker seconds between the first start and the last end."""
    ends = sorted(float(line) for line in spans.read_text().split())
    whole = ends[-1] - (ends[0] - epoch_s)
    return len(ends) * epoch_s / (workers * whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--epoch-s", type=float, default=1.0)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        (base / "sleeper.py").write_text(TRAINABLE.format(epoch_s=a.epoch_s))
        (base / "study.yaml").write_text(STUDY.format(trials=a.trials, epochs=a.epochs))
        perch = run_command(base / "study.yaml", base / "out", "r")
        sides = {
            "perch": perch,
            "tuner, actors reused": [
                sys.executable,
                "-c",
                STOCK.format(trials=a.trials, epochs=a.epochs, reuse=True),
                str(base),
            ],
            "tuner as it comes": [
                sys.executable,
                "-c",
                STOCK.format(trials=a.trials, epochs=a.epochs, reuse=False),
                str(base),
            ],
        }
        for name, command in sides.items():
            spans = base / f"{name}.txt"
            began = time.monotonic()
            done = subprocess.run(
                ["env", f"SPANS={spans}", *command], capture_output=True, text=True, check=False, cwd=base
            )
            if done.returncode:
                print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
                sys.exit(1)
            row = {
                "side": name,
                "training_share": round(share(spans, a.epoch_s), 3),
                "whole_s": round(time.monotonic() - began, 1),
            }
            print(json.dumps(row), flush=True)
        overheads = load(base / "out" / "r").overheads.set_index("activity").share
        print(json.dumps({"perch's own account": {k: round(float(v), 3) for k, v in overheads.items()}}))


if __name__ == "__main__":
    main()
