"""The presets with their real programs. ``PERCH_PROGRAMS`` names the folder that holds an environment of each: ``mace``,
``sevenn``, ``nequip``, ``metatrain``, ``lightning``; ``../shared/programs`` holds configurations that train, and the page on
Lightning a program.

What the default tests show with a stand-in is shown here with the programs themselves.
"""

import math
import os
import re
from pathlib import Path

import pytest
import yaml

from perch.command import Command
from perch.errors import Diverged, TrialError
from perch.programs.checkpoints import whole
from perch.programs.config.complete import complete
from perch.programs.order import Order
from perch.programs.training import Training

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "programs"
PROGRAMS = {
    "mace": ("mace_run_train", "config.yaml", "lr"),
    "sevenn": ("sevenn", "input.yaml", "train.optim_param.lr"),
    "nequip": ("nequip-train", "config.yaml", "training_module.optimizer.lr"),
    "metatrain": ("mtt", "options.yaml", "architecture.training.learning_rate"),
    "lightning": ("python", "train.yaml", "model.lr"),
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Trainings:
    """Makes trainings of one program, and ends them."""

    def __init__(self, name, folder):
        word, file, self.lr = PROGRAMS[name]
        self.folder, self.made = folder, []
        self.metric = "val_energy_rmse" if name == "lightning" else "forces_rmse_ev_a"
        program = Path(os.environ.get("PERCH_PROGRAMS", "/nowhere")) / name / "bin" / word
        if not program.is_file():
            pytest.skip(f"{program} is not here")
        if name == "lightning":
            given = of_the_page(folder)
            given["command"][0] = str(program)
        else:
            given = {"preset": name, "command": [str(program)], "template": file}
            if not SHARED.is_dir():
                pytest.skip("../shared/programs is not here")
            (folder / file).write_text((SHARED / name / file).read_text().replace("DATA", str(SHARED / "data")))
        self.spec = complete(Command.model_validate(given), folder)

    def __call__(self, trial="a", lr=0.01, epochs=5):
        order = Order(trial, 0, 11, epochs, 1, 0, str(self.folder / "trials"), self.metric, "min", math.inf)
        training = Training(self.spec, order, {self.lr: lr})
        self.made.append(training)
        return training

    def values(self, training, count):
        return [training.next_epoch()[self.metric] for _ in range(count)]


def of_the_page(folder):
    """Program and settings of the page on Lightning, written into a folder; what its study says of them."""
    text = (ROOT / "docs" / "how-to" / "lightning.md").read_text(encoding="utf-8")
    blocks = [re.findall(rf"```{kind}\n(.*?)```", text, flags=re.DOTALL) for kind in ("python", "yaml")]
    (folder / "train.py").write_text(blocks[0][0])
    (folder / "train.yaml").write_text(blocks[1][0])
    return yaml.safe_load(blocks[1][1])["trainable"]


@pytest.fixture(params=PROGRAMS)
def trainings(request, tmp_path):
    made = Trainings(request.param, tmp_path)
    yield made
    for training in made.made:
        training.close()


def test_three_epochs_stop_and_resume(trainings, tmp_path):
    """The checkpoint is saved at the line of its epoch, before the program has written it."""
    first = trainings()
    begun = trainings.values(first, 3)
    first.save(tmp_path / "saved")
    first.close()
    second = trainings()
    second.load(tmp_path / "saved")
    rest = trainings.values(second, 2)
    assert second.epoch == 5 and second.started_over == 0
    assert rest[0] < 1.5 * begun[-1] and rest[0] < begun[0], "it has not begun anew"


def test_a_truncated_checkpoint_is_found_out(trainings, tmp_path):
    first = trainings()
    begun = trainings.values(first, 2)
    first.save(tmp_path / "saved")
    first.close()
    [saved] = [p for p in (tmp_path / "saved" / "files").rglob("*") if p.is_file()]
    saved.write_bytes(saved.read_bytes()[: saved.stat().st_size // 2])
    assert not whole(saved, "zip")
    second = trainings()
    second.load(tmp_path / "saved")
    assert second.next_epoch()[trainings.metric] < begun[0]
    assert second.started_over == 1 and second.epoch == 3


def test_a_rate_of_ten(trainings):
    """MACE and SevenNet give NaN and exit 0; others stay finite, and are no better than before."""
    training = trainings(lr=10.0, epochs=3)
    try:
        found = trainings.values(training, 3)
    except Diverged:
        return
    except TrialError as error:
        pytest.fail(f"a divergence, not a failure: {error}")
    assert min(found) > 0.3


def test_the_same_seed_gives_the_same_numbers(trainings):
    assert trainings.values(trainings("a"), 2) == trainings.values(trainings("b"), 2)
