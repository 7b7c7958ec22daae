"""Clusters that grow, shrink and break, as Ray itself makes them: several nodes on this machine, Ray's own fake autoscaler."""

from __future__ import annotations

import pytest
from tests.integration.raylets import Raylets
from tests.patience import eventually

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record import load

from .conftest import results

TRAINABLES = """
import os, time
from pathlib import Path
import ray
from ray import tune

class Toy(tune.Trainable):
    def setup(self, config):
        self.n = 0

    def step(self):
        self.n += 1
        time.sleep(0.5)  # stands for work: workers are busy while others start
        return {"loss": 1.0 / self.n, "process": os.getpid()}

    def save_checkpoint(self, folder):
        pass

    def load_checkpoint(self, folder):
        pass

    def reset_config(self, config):
        self.setup(config)
        return True

class OnGoodNodes(Toy):
    def step(self):
        found = super().step()
        met = Path(__file__).parent / "met"
        met.mkdir(exist_ok=True)
        if self.n == 2 and ray.util.get_node_ip_address() == "127.0.0.3":
            (met / self.trial_id).touch()
            raise RuntimeError("CUDA error: uncorrectable ECC error encountered")
        if len(list(met.iterdir())) < 3:
            time.sleep(4)  # so that the good node does not train all trials while a worker starts on the other
        return found
"""
STUDY = """
name: elastic
trainable: elastic:{trainable}
space: {{x: {{float: [0, 1]}}}}
strategy: rs
metric: loss
epochs: {epochs}
budget: {{trials: {trials}}}
confirm: {{top: 0}}
log: []
resources: {{cpus: 1, gpus: {gpus}}}
"""


@pytest.fixture
def study(tmp_path):
    """``study(**fields)`` writes a study, and its trainables, into the folder that workers import from."""
    (tmp_path / "elastic.py").write_text(TRAINABLES)

    def write(**fields):
        (tmp_path / "study.yaml").write_text(STUDY.format(**fields))
        return tmp_path / "study.yaml"

    return write


@pytest.mark.slow
def test_a_node_that_breaks_trials_is_avoided_and_no_trial_is_charged(study, tmp_path, perch):
    """Of two nodes one has a GPU with uncorrectable errors: each trial that meets it is tried on the other, next time."""
    with Raylets(tmp_path) as cluster:
        cluster.add("127.0.0.2", "127.0.0.3")
        path = study(trainable="OnGoodNodes", epochs=2, trials=20, gpus=0)
        code, said = perch("run", path, "--out", tmp_path / "out", "--run-id", "r", env=cluster.env).wait()
    assert code == 0, said
    assert "warning: node 127.0.0.3 is avoided from here on" in said
    assert "not used any more, for faults of their own: 127.0.0.3" in said
    run = load(tmp_path / "out" / "r")
    assert set(run.trials.status) == {"completed"} and len(run.trials) == 20
    assert run.trials.losses.max() == 1, "none has met the broken node twice"
    assert run.summary["avoided_nodes"] == ["127.0.0.3"]
    assert set(run.summary["losses_by_node"]) == {"127.0.0.3"}
    assert 3 <= run.summary["losses_by_node"]["127.0.0.3"] <= 4, "one may have been on its way when the third came"
    nodes = {e["m"]["node_ip"] for e in results(read(RunFolder(tmp_path / "out" / "r").events)) if e["epoch"] > 1}
    assert nodes == {"127.0.0.2"}


@pytest.mark.slow
def test_an_autoscaler_brings_the_workers_that_a_run_can_use_and_takes_them_away_after_it(study, tmp_path, perch):
    """From one worker to six and back, with a GPU each as a logical resource; none has more than one trial at once."""
    with Raylets(tmp_path, worker={"CPU": 1, "GPU": 1}, most=6) as cluster:
        path = study(trainable="Toy", epochs=4, trials=120, gpus=1)
        command = perch("run", path, "--out", tmp_path / "out", "--run-id", "r", env=cluster.env)
        eventually(lambda: cluster.workers() == 6, "six workers never came")
        code, said = command.wait()
        assert code == 0, said
        eventually(lambda: cluster.workers() == 1, "the workers that nobody needs never went")
    events = list(read(RunFolder(tmp_path / "out" / "r").events))
    slots = [e["slots"] for e in events if e["e"] == "start"]
    assert slots[0] == 1 and max(slots) == 6 and slots == sorted(slots)
    assert len({e["m"]["process"] for e in results(events)}) >= 6, "each worker that came has trained"
    run = load(tmp_path / "out" / "r")
    assert set(run.trials.status) == {"completed"} and run.summary["losses"] == {}
    late = results(events)[-60:]
    spread_s = late[-1]["used_s"] - late[0]["used_s"]
    assert spread_s < 60 * 0.5 / 3, "more than half of the six train at once"
