"""A user's class that keeps its best epoch's checkpoint."""

import json
from pathlib import Path

import pytest

from perch.training.keeping import keeping


class Base:
    """What Ray's class gives a trainable, as far as it matters here."""

    def __init__(self, config):
        self.config, self.training_iteration = config, 0
        self.setup(dict(config))

    def train(self):
        result = self.step()
        self.training_iteration += 1
        return result


class Mine(Base):
    def setup(self, config):
        assert "_perch" not in config and "_perch" not in self.config, "the class sees its own configuration alone"
        self.values = list(config["values"])

    def step(self):
        return {"loss": self.values[self.training_iteration]}

    def save_checkpoint(self, folder):
        Path(folder, "w.txt").write_text(str(self.values[self.training_iteration]))

    def reset_config(self, config):
        self.setup(config)
        return True


def said(folder, **more):
    return {
        "weights": str(folder / "weights"),
        "trial": "00001",
        "metric": "loss",
        "mode": "min",
        "keep_below": 10.0,
        **more,
    }


def test_the_best_epoch_is_kept(tmp_path):
    trial = keeping(Mine)({"values": [5.0, 2.0, 3.0], "_perch": said(tmp_path)})
    for _ in range(3):
        trial.train()
    kept = tmp_path / "weights" / "00001"
    assert (kept / "checkpoint" / "w.txt").read_text() == "2.0"
    assert json.loads((kept / "about.json").read_text())["epoch"] == 2
    assert not list((tmp_path / "weights").glob("*.part"))


@pytest.mark.parametrize("more", [{"keep_below": 1.0}, {"mode": "max", "keep_below": -6.0}, {"metric": "absent"}])
def test_what_does_not_lead_is_not_kept(tmp_path, more):
    trial = keeping(Mine)({"values": [5.0], "_perch": said(tmp_path, **more)})
    trial.train()
    assert not (tmp_path / "weights").exists()


def test_a_resumed_trial_does_not_put_a_worse_epoch_in_the_place_of_a_better(tmp_path):
    keeping(Mine)({"values": [2.0], "_perch": said(tmp_path)}).train()
    keeping(Mine)({"values": [3.0], "_perch": said(tmp_path)}).train()
    assert (tmp_path / "weights" / "00001" / "checkpoint" / "w.txt").read_text() == "2.0"


def test_another_trial_on_the_same_worker_has_a_place_of_its_own(tmp_path):
    trial = keeping(Mine)({"values": [2.0, 9.0], "_perch": said(tmp_path)})
    trial.train()
    assert trial.reset_config({"values": [4.0, 3.0], "_perch": said(tmp_path, trial="00002")})
    trial.train()
    assert {p.name for p in (tmp_path / "weights").iterdir()} == {"00001", "00002"}
