"""Seconds between two trials on a reused worker: from the end of one trial's last epoch to the start of the next one's first.

First the reset alone, in this process; then the gap as a stock ``tune.Tuner`` with ``reuse_actors`` has it. Perch's own
runs drive the same trainable.

    python benchmarks/turnover.py --trials 20
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np


def config(trial: int, folder: Path) -> dict:
    """Trial number ``trial`` on the embedded data: another width and depth each time, so nothing fits the old model."""
    return {
        "atom_embedding_size": 16 + 8 * (trial % 7),
        "num_graph_conv_layers": 1 + trial % 4,
        "batch_size": 32,
        "_perch": {
            "study": {"data": {"source": "adsorption"}, "trainable": "cgcnn"}, "base": str(folder), "cache": None,
            "trial": str(trial), "segment": 0, "seed": 0, "epochs": 2, "threads": 1, "key": str(trial),
        },
    }  # fmt: skip


def resets(trials: int, folder: Path) -> np.ndarray:
    """Seconds of each reset, in one process."""
    from perch.training.trainable import GraphTrainable

    trainable = GraphTrainable(config(0, folder))
    trainable.train()
    seconds = []
    for trial in range(1, trials):
        began = time.perf_counter()
        trainable.reset(config(trial, folder))
        seconds.append(time.perf_counter() - began)
        trainable.train()
    return np.array(seconds)


def gaps(trials: int, folder: Path) -> np.ndarray:
    """Seconds between two trials of one worker under a stock Tuner."""
    import ray
    from ray import tune

    from perch.training.trainable import GraphTrainable

    marks = folder / "marks"

    class Marked(GraphTrainable):
        def step(self):
            began = time.time()
            result = super().step()
            with marks.open("a") as file:
                file.write(f"{self.config['_perch']['trial']} {began} {time.time()}\n")
            return {**result, "done": self.training.epochs_done == 2}

    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    ray.init(address="local", include_dashboard=False, num_cpus=1, log_to_driver=False, _temp_dir=str(folder / "ray"))
    space = {"trial": tune.grid_search([config(n, folder) for n in range(trials)])}

    class Unpacked(Marked):
        def setup(self, packed):
            self.config = packed["trial"]
            super().setup(packed["trial"])

    tune.Tuner(
        tune.with_resources(Unpacked, {"cpu": 1}),
        param_space=space,
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(
            storage_path=str(folder / "runs"),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    ).fit()
    ray.shutdown()
    rows = [line.split() for line in marks.read_text().splitlines()]
    pairs = pairwise(rows)
    return np.array([float(b[1]) - float(a[2]) for a, b in pairs if a[0] != b[0]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    trials = parser.parse_args().trials
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {trials} trials of one or two epochs", flush=True)
    with tempfile.TemporaryDirectory(prefix="turn") as name:
        for what, measure in (("reset alone", resets), ("gap under a stock Tuner", gaps)):
            seconds = measure(trials, Path(name))
            print(f"{what:25s} median {np.median(seconds):.3f} s, largest {seconds.max():.3f} s", flush=True)


if __name__ == "__main__":
    main()
