"""`perch record` as a command: full curves of a space-filling set, rehearsable at once; advised and planned on later."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

from tests.patience import LIMIT_S

from perch.record import load
from perch.rehearse.tables.reader import read

TOY = """
import time

from ray import tune


class Toy(tune.Trainable):
    def setup(self, config):
        self.x, self.epoch = config["x"], 0

    def step(self):
        time.sleep(0.01)
        self.epoch += 1
        return {"loss": abs(self.x - 0.3) + 1 / self.epoch}

    def save_checkpoint(self, checkpoint_dir):
        pass

    def reset_config(self, new_config):
        self.setup(new_config)
        return True
"""

STUDY = """
name: toy
trainable: toy_to_record:Toy
space: {x: {float: [0, 1]}}
metric: loss
epochs: 3
strategy: {name: asha, reduction_factor: 2}
resources: {cpus: 0.5}
log: []
"""


def test_a_record_is_full_curves_and_can_be_rehearsed_at_once(tmp_path: Path, shared_ray: dict[str, str]) -> None:
    (tmp_path / "toy_to_record.py").write_text(TOY)
    (tmp_path / "study.yaml").write_text(STUDY)

    def perch(*args: object) -> str:
        command = [sys.executable, "-m", "perch.cli.main", *map(str, args)]
        env = {**os.environ, **shared_ray}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT_S, cwd=tmp_path, check=False, env=env
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    recorded = perch(
        "record", "study.yaml", "--budget", "10m", "--trials", 22, "--repeats", 2, "--out", ".", "--run-id", "r"
    )
    assert "22 full curves, 11 configurations" in recorded
    run = load(tmp_path / "r")
    assert run.summary["strategy"] == "design"
    assert set(run.trials["phase"]) == {"search"}  # nothing is confirmed
    xs = sorted(c["x"] for c in run.trials["config"])
    assert max(b - a for a, b in itertools.pairwise(xs)) < 0.3  # spread over the space
    table = read([str(tmp_path / "r")])
    assert (table.metric, len(table.full), table.distinct) == ("loss", 22, 11)
    said = perch(
        "rehearse", "r", "--strategies", "rs,asha", "--seeds", 3, "--time-budget", "60s", "--epoch-s", 1, "--out", "."
    )
    assert said.strip().splitlines()[-1].startswith("asha")


def test_a_probe_measures_what_a_plan_needs(tmp_path: Path, shared_ray: dict[str, str]) -> None:
    (tmp_path / "toy_to_record.py").write_text(TOY)
    (tmp_path / "study.yaml").write_text(STUDY)
    options = ["--gpus", "2", "--hours", "0.1", "--probe", "10m", "--seeds", "2"]
    command = [sys.executable, "-m", "perch.cli.main", "plan", "study.yaml", *options]
    env = {**os.environ, **shared_ray}
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, cwd=tmp_path, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "measured on this machine for 10m" in done.stdout
    epoch_s = float(done.stdout.partition("from epochs of ")[2].split()[0])
    assert 0.01 <= epoch_s < 1.0  # it sleeps for a hundredth of a second
    assert "reach epoch:" in done.stdout
