"""What a run asks of what it trains, answered by each kind."""

import sys
from pathlib import Path

import pytest
from ray import tune

from perch.campaign.placement import Placement
from perch.errors import PerchError
from perch.log.folder import RunFolder
from perch.study import parse
from perch.trainables import Data, kind_of
from perch.trainables.network import Network
from perch.trainables.own import Own
from perch.trainables.program import Program
from perch.vocabulary import GIVEN

HERE = f"{__name__}:"
PROGRAM = {"command": ["true"], "metrics": {"files": "m.jsonl", "format": "jsonl"}}


class Full(tune.Trainable):
    def step(self):
        return {"loss": 0.0}

    def save_checkpoint(self, checkpoint_dir):
        return None

    def load_checkpoint(self, checkpoint):
        return None

    def reset_config(self, new_config):
        return True


class Bare(tune.Trainable):
    def step(self):
        return {"loss": 0.0}


class SavesOnly(Bare):
    def save_checkpoint(self, checkpoint_dir):
        return None


def function(config):
    return None


def study(trainable, tmp_path=Path(), **changes):
    own = (
        {}
        if isinstance(trainable, str) and ":" not in trainable
        else {"space": {"x": {"float": [0, 1]}}, "metric": "loss"}
    )
    return parse({"name": "s", "trainable": trainable, "epochs": 3, "base": str(tmp_path), **own, **changes})


@pytest.mark.parametrize(
    ("trainable", "kind", "can_save", "saves_when_asked", "can_reset", "own_path"),
    [
        ("cgcnn", Network, True, True, True, False),
        (PROGRAM, Program, False, False, True, False),
        ({**PROGRAM, "checkpoint": {"files": "*.pt"}, "resume": "same"}, Program, True, True, True, False),
        (HERE + "Full", Own, True, True, True, True),
        (HERE + "Bare", Own, False, False, False, True),
        (HERE + "SavesOnly", Own, False, False, False, True),
        (HERE + "function", Own, True, False, True, True),
    ],
)
def test_what_each_is_able_to_do(trainable, kind, can_save, saves_when_asked, can_reset, own_path, tmp_path):
    found = kind_of(study(trainable, tmp_path))
    assert type(found) is kind
    assert (found.can_save, found.saves_when_asked, found.can_reset) == (can_save, saves_when_asked, can_reset)
    assert found.python_path == ([str(tmp_path)] if own_path else [])


@pytest.mark.parametrize(
    ("trainable", "words"),
    [("nonesuch", "nonesuch"), (HERE + "Nonesuch", "cannot be imported"), (HERE + "GIVEN", "not a class or a function"),
     ({**PROGRAM, "command": ["/no/such/program"]}, "/no/such/program")],
)  # fmt: skip
def test_what_is_not_there_is_found_by_the_check(trainable, words, tmp_path):
    with pytest.raises(PerchError, match=words):
        kind_of(study(trainable, tmp_path)).check()


@pytest.mark.parametrize(
    ("name", "notes"),
    [("Full", []), ("Bare", ["asked for a checkpoint", "no reset_config"]), ("function", ["asked for a checkpoint"]),
     ("SavesOnly", ["no load_checkpoint", "no reset_config"])],
)  # fmt: skip
def test_what_it_lacks_is_said_before_it_runs(name, notes):
    said = list(kind_of(study(HERE + name)).notes())
    assert len(said) == len(notes) and all(note in line for note, line in zip(notes, said, strict=True))


def test_what_a_trial_is_given_besides_its_hyperparameters(tmp_path):
    placement = Placement("00003", {"x": 0.5}, 0, None, "00003", 0.25)
    resources = {"cpu": 2.0}

    def given(trainable):
        data = Data(None, study(trainable), tmp_path / "cache")
        return kind_of(study(trainable)).extra_config(RunFolder(tmp_path), data, placement, resources)

    assert given(HERE + "Bare") == {}, "a class that cannot save sees its hyperparameters alone"
    for trainable in ("cgcnn", PROGRAM, HERE + "Full", HERE + "SavesOnly"):
        said = given(trainable)[GIVEN]
        assert (said["trial"], said["keep_below"]) == ("00003", 0.25)
    assert given("cgcnn")[GIVEN]["threads"] == 2
    assert given(PROGRAM)[GIVEN]["cpus"] == 2.0


class Falling(tune.Trainable):
    """Diverges from the sixth epoch on where ``x`` is above a half."""

    def setup(self, config):
        self.x, self.n = config["x"], 0

    def step(self):
        self.n += 1
        return {"loss": float("nan") if self.x > 0.5 and self.n > 5 else self.x + 1 / self.n}


class Broken(Falling):
    def step(self):
        raise RuntimeError("its own fault")


SCRIPT = """
import sys
x, epochs = float(sys.argv[1]), int(sys.argv[2])
for epoch in range(1, epochs + 1):
    print(f"epoch {epoch} loss {x + 1 / epoch}", flush=True)
"""
PRINTS = {
    "command": [sys.executable, "-c", SCRIPT, "{x}", "{epochs}"],
    "metrics": {"format": "regex", "pattern": r"epoch (?P<epoch>\d+) loss (?P<loss>\S+)"},
}


def losses(trainable, x, epochs, tmp_path):
    curve = kind_of(study(trainable)).curve({"x": x}, "00001", epochs, schedule_epochs=epochs, cache=tmp_path)
    return [row["loss"] for row in curve]


@pytest.mark.parametrize("trainable", [HERE + "Falling", PRINTS], ids=["class", "program"])
def test_a_configuration_is_trained_from_the_start_without_ray(trainable, tmp_path):
    assert losses(trainable, 0.25, 3, tmp_path) == [1.25, 0.75, pytest.approx(0.25 + 1 / 3)]


def test_a_training_that_diverges_or_breaks_ends_its_curve_and_nothing_else(tmp_path, capsys):
    assert len(losses(HERE + "Falling", 0.75, 9, tmp_path)) == 5
    assert losses(HERE + "Broken", 0.25, 9, tmp_path) == []
    assert "00001: RuntimeError: its own fault" in capsys.readouterr().err


def test_a_function_cannot_be_trained_without_ray(tmp_path):
    with pytest.raises(PerchError, match=r"cannot train '.*function' outside of Ray"):
        losses(HERE + "function", 0.25, 3, tmp_path)
