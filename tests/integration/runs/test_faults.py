"""Faults on a real Ray: what reaches the driver of an exception, a dead worker or an exit, and whose it is held to be."""

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record import load

FAULTY = """
import errno, os, signal, sys
from pathlib import Path
from ray import tune

MET = Path(__file__).parent / "met"

class Faulty(tune.Trainable):
    def setup(self, config):
        self.how, self.n = config["how"], 0
        if self.how == "stale at start":
            self.once(lambda: (_ for _ in ()).throw(OSError(errno.ESTALE, "Stale file handle")))

    def once(self, fail):
        MET.mkdir(exist_ok=True)
        mark = MET / self.how
        if not mark.exists():
            mark.touch()
            fail()

    def step(self):
        self.n += 1
        if self.n == 2:
            match self.how:
                case "stale":
                    self.once(lambda: (_ for _ in ()).throw(OSError(errno.ESTALE, "Stale file handle")))
                case "ecc":
                    self.once(lambda: (_ for _ in ()).throw(RuntimeError("CUDA error: uncorrectable ECC error encountered")))
                case "killed":
                    self.once(lambda: os.kill(os.getpid(), signal.SIGKILL))
                case "leaves":
                    sys.exit(3)
                case "wrong":
                    raise ValueError("wrong")
                case "odd":
                    raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return {"loss": 1.0 / self.n}

    def reset_config(self, config):
        self.setup(config)
        return True
"""
HOW = ["stale", "stale at start", "ecc", "killed", "leaves", "wrong", "odd", "well"]
STUDY = f"""
name: faulty
trainable: faulty:Faulty
space: {{how: {{choice: {HOW}}}}}
strategy: grid
metric: loss
epochs: 3
confirm: {{top: 0}}
log: []
"""


def test_the_machines_faults_are_tried_again_and_the_trials_own_are_rows(tmp_path, perch, shared_ray):
    (tmp_path / "faulty.py").write_text(FAULTY)
    (tmp_path / "study.yaml").write_text(STUDY)
    code, said = perch(
        "run", tmp_path / "study.yaml", "--out", tmp_path / "out", "--run-id", "r", env=shared_ray
    ).wait()
    assert code == 0, said
    assert "Traceback" not in said and "did not complete" not in said
    run = load(tmp_path / "out" / "r")
    rows = {row["config"]["how"]: row for row in run.trials.replace({float("nan"): None}).to_dict("records")}
    found = {
        how: (rows[how]["status"], rows[how]["failure"], rows[how]["losses"], rows[how]["last_loss"]) for how in HOW
    }
    assert found == {
        "stale": ("completed", None, 1, "storage"),
        "stale at start": ("completed", None, 1, "storage"),
        "ecc": ("completed", None, 1, "gpu"),
        "killed": ("completed", None, 1, "lost"),
        "leaves": ("failed", "code", 0, None),
        "wrong": ("failed", "code", 0, None),
        "odd": ("failed", "gpu", 2, "gpu"),
        "well": ("completed", None, 0, None),
    }
    lost = [e for e in read(RunFolder(tmp_path / "out" / "r").events) if e["e"] == "lost"]
    assert all(e.get("node") for e in lost)
    assert run.summary["losses"] == {"storage": 2, "gpu": 3, "lost": 1}
