"""What a Python trainable of the user's own is handed, and what is kept of it."""

import json

import pytest

from perch.record import load
from perch.record.words import winner_line

MODULE = """
import json
from pathlib import Path
from ray import tune


class Mine(tune.Trainable):
    def setup(self, config):
        assert sorted(config) == ["model", "model.width", "seed", "x"], sorted(config)
        self.config_seen = config
        self.w = 0.0

    def step(self):
        self.w += 1 / (1 + 8 * abs(self.config_seen["x"] - 0.3)) + 0.01 * self.config_seen["model"]["width"]
        return {"loss": 1 / (1 + self.w), "weight": self.w, "seed_seen": self.config_seen["seed"]}

    def save_checkpoint(self, folder):
        Path(folder, "w.json").write_text(json.dumps(self.w))

    def load_checkpoint(self, folder):
        self.w = json.loads(Path(folder, "w.json").read_text())

    def reset_config(self, config):
        self.setup(config)
        return True
"""

STUDY = """
name: mine
trainable: mine:Mine
space: {x: {float: [0, 1]}, model.width: {int: [1, 8]}, seed: "{seed}"}
metric: loss
epochs: 9
budget: {trials: 6}
confirm: {top: 1, seeds: 1}
log: []
"""


def test_seeds_nested_keys_and_the_winners_weights(tmp_path, perch, shared_ray):
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "study.yaml").write_text(STUDY)
    code, said = perch(
        "run", tmp_path / "study.yaml", "--out", tmp_path / "out", "--run-id", "r", env=shared_ray
    ).wait()
    assert code == 0, said
    run = load(tmp_path / "out" / "r")
    assert (run.trials.status != "failed").all()
    seeds = run.curves.groupby("trial_id").seed_seen.nunique()
    assert (seeds == 1).all() and run.curves.seed_seen.nunique() == 7, (
        "one seed a trial, another for each of the search's six; both configurations share the fresh one"
    )
    best = tmp_path / "out" / "r" / "best"
    kept = json.loads((best / "checkpoint" / "w.json").read_text())
    assert 1 / (1 + kept) == run.winner["value"], "of the training with the fresh seed"
    assert run.winner["metrics"]["weight"] == kept, "what else it reports stands next to the metric"
    assert json.loads((best / "config.json").read_text())["x"] == run.winner["config"]["x"]
    assert json.loads((best / "winner.json").read_text())["winner"] == run.winner
    assert f"winner:  {winner_line(run.summary)}" in said


NAMES = """
from ray import tune


class Class(tune.Trainable):
    def setup(self, config):
        self.kind = config["kind"]

    def step(self):
        return {"loss": 1.0, "epoch": self.training_iteration + 1, self.kind: 7.0}

    def reset_config(self, config):
        self.setup(config)
        return True


def function(config):
    for _ in range(2):
        tune.report({"loss": 1.0, config["kind"]: 7.0})
"""


@pytest.mark.parametrize(("trainable", "name"), [("Class", "config"), ("function", "epoch")])
def test_a_name_that_is_taken_ends_the_run_with_words(trainable, name, tmp_path, perch, shared_ray):
    (tmp_path / "names_.py").write_text(NAMES)
    (tmp_path / "study.yaml").write_text(
        f"name: n\ntrainable: names_:{trainable}\nspace: {{kind: {name}}}\nmetric: loss\nepochs: 2\nstrategy: rs\n"
        "budget: {trials: 1}\nconfirm: {top: 0}\nlog: []\n"
    )
    code, said = perch(
        "run", tmp_path / "study.yaml", "--out", tmp_path / "out", "--run-id", "r", env=shared_ray
    ).wait()
    assert code == 1
    assert f"the trainable reports '{name}'" in said and "under another name" in said and "Traceback" not in said
