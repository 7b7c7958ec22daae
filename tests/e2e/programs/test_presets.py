"""The presets with their real programs. ``PERCH_PROGRAMS`` names the folder that holds an environment of each: ``mace``,
``sevenn``, ``nequip``, ``metatrain``; ``../shared/programs`` holds configurations that train.

What the default tests show with a stand-in is shown here with the programs themselves.
"""

import math
import os
from pathlib import Path

import pytest

from perch.command import Command
from perch.errors import Diverged, TrialError
from perch.programs.checkpoints import whole
from perch.programs.config.complete import complete
from perch.programs.training import Order, Training

SHARED = Path(__file__).parents[4] / "shared" / "programs"
PROGRAMS = {
    "mace": ("mace_run_train", "config.yaml", "lr"),
    "sevenn": ("sevenn", "input.yaml", "train.optim_param.lr"),
    "nequip": ("nequip-train", "config.yaml", "training_module.optimizer.lr"),
    "metatrain": ("mtt", "options.yaml", "architecture.training.learning_rate"),
}
METRIC = "forces_rmse_ev_a"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Trainings:
    """Makes trainings of one program, and ends them."""

    def __init__(self, name, folder):
        word, file, self.lr = PROGRAMS[name]
        program = Path(os.environ.get("PERCH_PROGRAMS", "/nowhere")) / name / "bin" / word
        if not program.is_file() or not SHARED.is_dir():
            pytest.skip(f"{program} or ../shared/programs is not here")
        text = (SHARED / name / file).read_text().replace("DATA", str(SHARED / "data"))
        (folder / file).write_text(text)
        self.spec = complete(Command(preset=name, command=[str(program)], template=file), folder)
        self.folder, self.made = folder, []

    def __call__(self, trial="a", lr=0.01, epochs=5):
        order = Order(trial, 0, 11, epochs, 1, 0, str(self.folder / "trials"), METRIC, "min", math.inf)
        training = Training(self.spec, order, {self.lr: lr})
        self.made.append(training)
        return training


@pytest.fixture(params=PROGRAMS)
def trainings(request, tmp_path):
    made = Trainings(request.param, tmp_path)
    yield made
    for training in made.made:
        training.close()


def values(training, count):
    return [training.next_epoch()[METRIC] for _ in range(count)]


def test_three_epochs_stop_and_resume(trainings, tmp_path):
    """The checkpoint is saved at the line of its epoch, before the program has written it."""
    first = trainings()
    begun = values(first, 3)
    first.save(tmp_path / "saved")
    first.close()
    second = trainings()
    second.load(tmp_path / "saved")
    rest = values(second, 2)
    assert second.epoch == 5 and second.started_over == 0
    assert rest[0] < 1.5 * begun[-1] and rest[0] < begun[0], "it has not begun anew"


def test_a_truncated_checkpoint_is_found_out(trainings, tmp_path):
    first = trainings()
    begun = values(first, 2)
    first.save(tmp_path / "saved")
    first.close()
    [saved] = [p for p in (tmp_path / "saved" / "files").rglob("*") if p.is_file()]
    saved.write_bytes(saved.read_bytes()[: saved.stat().st_size // 2])
    assert not whole(saved, "zip")
    second = trainings()
    second.load(tmp_path / "saved")
    assert second.next_epoch()[METRIC] < begun[0]
    assert second.started_over == 1 and second.epoch == 3


def test_a_rate_of_ten(trainings):
    """MACE and SevenNet give NaN and exit 0; others stay finite, and are no better than before."""
    training = trainings(lr=10.0, epochs=3)
    try:
        found = values(training, 3)
    except Diverged:
        return
    except TrialError as error:
        pytest.fail(f"a divergence, not a failure: {error}")
    assert min(found) > 0.3


def test_the_same_seed_gives_the_same_numbers(trainings):
    assert values(trainings("a"), 2) == values(trainings("b"), 2)
