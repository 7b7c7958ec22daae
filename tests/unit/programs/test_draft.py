"""``perch init``: a study from a preset and a file that trains. The templates are those that trained, from ``../shared``."""

import stat
from pathlib import Path

import pytest
import yaml

from perch.errors import PerchError, StudyError
from perch.programs.config.check import check_program
from perch.programs.config.complete import complete
from perch.programs.config.configure import prepare, standard_values
from perch.programs.config.template import Template
from perch.programs.draft import draft
from perch.programs.initialise import initialise
from perch.programs.presets import PRESETS
from perch.programs.probe import epochs_of_asha
from perch.study import parse

SHARED = Path(__file__).parents[4] / "shared" / "programs"
FILES = {"mace": "config.yaml", "sevenn": "input.yaml", "nequip": "config.yaml", "metatrain": "options.yaml"}

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/programs is not here: the templates lie there")


@pytest.fixture
def place(tmp_path):
    """Writes a program's template, its data files, and a program that does nothing."""

    def write(name, change=lambda text: text):
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        for file in ("train.xyz", "valid.xyz", "train_ref.xyz", "valid_ref.xyz"):
            (data / file).touch()
        path = tmp_path / FILES[name]
        path.write_text(change((SHARED / name / FILES[name]).read_text().replace("DATA", "data")))
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return path, str(program)

    return write


def completed(name, path, program):
    made = draft(PRESETS.get(name), Template.read(path), program, "n")
    study = parse({**yaml.safe_load(made.text), "base": str(path.parent)})
    spec = complete(study.program, path.parent)
    return made, study.model_copy(update={"trainable": spec}), spec


@pytest.mark.parametrize("name", FILES)
def test_a_draft_is_a_valid_study_whose_first_point_is_what_the_template_holds(place, name):
    path, program = place(name)
    made, study, spec = completed(name, path, program)
    check_program(study, spec)
    assert study.metric == "forces_rmse_ev_a" and study.epochs == 5
    template = Template.read(path)
    assert made.point and all(template.get(key) == value for key, value in made.point.items())
    for searched in PRESETS.get(name).space:
        assert searched.source, f"{searched.key} has no source"


@pytest.mark.parametrize("name", FILES)
def test_completing_twice_changes_nothing(place, name):
    path, program = place(name)
    _, _, spec = completed(name, path, program)
    assert complete(spec, path.parent) == spec


@pytest.mark.parametrize("name", FILES)
def test_each_trial_gets_a_file_of_its_own_with_absolute_paths_and_its_seed(place, name, tmp_path):
    path, program = place(name)
    made, _, spec = completed(name, path, program)
    values = {**standard_values(spec, tmp_path / "trial", seed=123, cpus=1, gpus=0, epochs=7), "checkpoint": "/c/k.pt"}
    for resuming in (False, True):
        start = prepare(spec, made.point, values, resuming=resuming)
        text = start.text or ""
        assert "123" in text and str(tmp_path / "data" / "train") in text
        assert ("/c/k.pt" in text + " ".join(start.words)) == (resuming and spec.resume != "same")
        assert start.words[0] == program and str(tmp_path / "trial") in " ".join(start.words)


def test_a_value_outside_the_offered_range_widens_it(place):
    path, program = place(
        "mace", lambda text: text.replace("lr: 0.01", "lr: 0.2").replace("num_channels: 8", "num_channels: 7")
    )
    _, study, _ = completed("mace", path, program)
    assert study.search_space.dimensions["lr"].high == 0.2
    assert 7 in study.search_space.dimensions["num_channels"].values


def test_fine_tuning_leaves_the_models_shape_alone(place):
    def fine(text):
        return text.replace(
            "train:\n",
            "train:\n    continue: {checkpoint: 7net-0, reset_epoch: True, reset_optimizer: True, reset_scheduler: True}\n",
            1,
        )

    path, program = place("sevenn", fine)
    made, study, spec = completed("sevenn", path, program)
    check_program(study, spec)
    assert not any(key.startswith("model.") for key in made.point)


@pytest.mark.parametrize(("name", "change", "says"), [
    ("mace", lambda t: t + "swa: true\n", "second stage"),
    ("mace", lambda t: t.replace("data/train_ref.xyz", "data/gone.xyz"), "'data/gone.xyz' is not there"),
    ("sevenn", lambda t: t.replace("[Force, RMSE]", "[Force, MAE]"), "has no [Force, RMSE]"),
    ("nequip", lambda t: t.replace("CSVLogger", "WandbLogger"), "no CSVLogger"),
    ("nequip", lambda t: t.replace("save_last: true", "save_last: false"), "save_last"),
    ("metatrain", lambda t: t.replace("forces: true", "forces: false"), "forces is false"),
])  # fmt: skip
def test_a_template_that_would_spoil_the_study_is_refused(place, name, change, says):
    path, program = place(name, change)
    with pytest.raises(StudyError) as raised:
        draft(PRESETS.get(name), Template.read(path), program, "n")
    assert says in str(raised.value)


def test_nothing_is_written_over_and_nothing_written_for_a_program_that_is_not_there(place):
    path, program = place("mace")
    with pytest.raises(PerchError, match="cannot be run"):
        initialise("mace", path, "/no/such/program", None, train=False, force=False, say=print)
    assert not (path.parent / "mace-study.yaml").exists()
    said = []
    assert initialise("mace", path, program, None, train=False, force=False, say=said.append) == 0
    assert "9 keys searched" in said[0]
    with pytest.raises(PerchError, match="exists"):
        initialise("mace", path, program, None, train=False, force=False, say=print)


def test_the_epochs_of_successive_halving():
    assert epochs_of_asha(1, 1) == 1
    assert epochs_of_asha(9, 9) == pytest.approx(9 * 1 + 3 * 2 + 1 * 6)
