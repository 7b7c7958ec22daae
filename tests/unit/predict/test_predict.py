from __future__ import annotations

import csv
import io

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from perch.cli.predict import app
from perch.errors import DataError
from perch.predict.predict import predict
from perch.predict.predictions import as_csv, write
from perch.training.loop import Training
from perch.training.weights import kept_of, save_best


@pytest.fixture
def run(prepare_small, small_config, tmp_path):
    """A run's folder with three models."""
    models = []
    for n in range(3):
        training = Training(prepare_small(), small_config, epochs=9, seed=n, key="a", device="cpu")
        training.epoch()
        models.append((training, kept_of(training, trial=str(n), value=n), {}))
    save_best(tmp_path / "run ü" / "best", models)
    return tmp_path / "run ü", [m[0] for m in models]


@pytest.fixture
def file(structures, tmp_path):
    def make(atoms=None, name="new ones.extxyz"):
        ase.io.write(tmp_path / name, structures[:4] if atoms is None else atoms)
        return tmp_path / name

    return make


def test_mean_and_deviation_are_those_of_the_best_models(run, file):
    folder, trainings = run
    predictions, atoms = predict(folder, file(), device="cpu")
    each = np.array([t.predict(t.prepared.graphs)[:4] for t in trainings])
    assert len(atoms) == 4
    np.testing.assert_allclose([p.energy_ev for p in predictions], each.mean(0), rtol=1e-5)
    np.testing.assert_allclose([p.deviation_ev for p in predictions], each.std(0, ddof=1), rtol=1e-3)
    assert [p.warnings for p in predictions] == [[]] * 4
    [first, *_], _ = predict(folder, file(), top=1, device="cpu")
    assert first.energy_ev == pytest.approx(each[0, 0], rel=1e-5)
    assert np.isnan(first.deviation_ev)


def test_elements_that_were_never_trained_on_are_refused_unless_allowed(run, file, structures):
    strange = structures[1].copy()
    strange.numbers[0] = 79
    path = file([structures[0], strange])
    with pytest.raises(DataError, match=r"never saw Au \(1 of 2") as error:
        predict(run[0], path, device="cpu")
    assert "--allow-unseen" in error.value.fix
    predictions, _ = predict(run[0], path, allow_unseen=True, device="cpu")
    assert len(predictions) == 2


def test_structures_that_are_not_relaxed_are_named(run, file, structures):
    pushed = structures[0].copy()
    forces = np.zeros((len(pushed), 3))
    forces[-1, 2] = 0.8
    pushed.calc = SinglePointCalculator(pushed, energy=0.0, forces=forces)
    placed = structures[1].copy()
    placed.arrays["initial_positions"] = placed.positions.copy()
    found = [p.warnings for p in predict(run[0], file([pushed, placed, structures[2]]), device="cpu")[0]]
    assert "a force of 0.80 eV/Å is left" in found[0][0]
    assert "initial positions" in found[1][0]
    assert found[2] == []


def test_structures_far_from_the_training_set_are_named(run, file, structures):
    squeezed = structures[0].copy()
    squeezed.set_cell(squeezed.cell * 0.62, scale_atoms=True)
    near, far = predict(run[0], file([structures[0], squeezed]), device="cpu")[0]
    assert near.distance < 1
    assert far.distance > 2
    assert "far from the training set" in far.warnings[0]


def test_missing_flags_for_fixed_atoms_are_named(run, file, structures):
    free = structures[0].copy()
    free.set_constraint()
    [one], _ = predict(run[0], file([free]), device="cpu")
    assert any("fixed" in w for w in one.warnings)


def test_csv_and_extxyz_hold_the_same_energies(run, file, tmp_path):
    predictions, atoms = predict(run[0], file(), device="cpu")
    rows = list(csv.DictReader(io.StringIO(as_csv(predictions))))
    write(predictions, atoms, tmp_path / "out.extxyz")
    frames = ase.io.read(tmp_path / "out.extxyz", ":")
    for p, row, frame, one in zip(predictions, rows, frames, atoms, strict=True):
        assert float(row["energy_ev"]) == pytest.approx(p.energy_ev, abs=1e-4)
        assert frame.info["predicted_energy_ev"] == pytest.approx(p.energy_ev)
        assert frame.info["predicted_deviation_ev"] == pytest.approx(p.deviation_ev)
        np.testing.assert_allclose(frame.positions, one.positions, atol=1e-6)


@pytest.mark.parametrize("content", [None, "", "not a structure\n"])
def test_files_that_hold_no_structures_are_refused(run, tmp_path, content):
    path = tmp_path / "bad.extxyz"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError):
        predict(run[0], path, device="cpu")


def test_an_ending_that_is_not_known_is_refused(run, file, tmp_path):
    predictions, atoms = predict(run[0], file(), device="cpu")
    with pytest.raises(DataError, match=r"neither \.csv nor \.extxyz"):
        write(predictions, atoms, tmp_path / "out.pdf")


def test_the_command_prints_csv_and_says_what_is_doubtful(run, file, structures):
    from typer.testing import CliRunner

    free = structures[0].copy()
    free.set_constraint()
    result = CliRunner().invoke(app, [str(run[0]), str(file([free]))])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "id,formula,energy_ev,deviation_ev,distance,warnings"
    assert "1 of 1 are doubtful" in result.stderr


def test_models_of_one_cutoff_share_one_set_of_neighbour_lists(run, file, monkeypatch):
    from perch.predict import predict as module

    made = []
    usual = module.from_atoms
    monkeypatch.setattr(module, "from_atoms", lambda atoms, spec: made.append(spec) or usual(atoms, spec))
    predict(run[0], file(), device="cpu")
    assert len(made) == 1
