"""``best/`` loads in three lines, and answers as an ASE calculator of energies."""

from __future__ import annotations

import ase.io
import numpy as np
import pytest
from tests.unit.best.small_run import SmallRun

from perch.predict.calculator import EnergyCalculator
from perch.predict.ensemble import load_ensemble
from perch.predict.predict import predict_atoms


def test_the_three_lines_of_the_documentation(raced: SmallRun) -> None:
    raced.write()
    atoms = ase.io.read(raced.path / "slabs.extxyz")
    models = load_ensemble(raced.folder.path)
    [found] = predict_atoms(models, [atoms])
    row = raced.table.set_index("id").loc[atoms.info["id"]]
    assert (found.energy_ev, found.deviation_ev) == (
        pytest.approx(row.prediction_ev, abs=1e-4), pytest.approx(row.deviation_ev, abs=1e-4)
    )  # fmt: skip


def test_as_a_calculator_it_gives_the_same_energy(raced: SmallRun) -> None:
    raced.write()
    atoms = ase.io.read(raced.path / "slabs.extxyz", "3")
    expected = predict_atoms(load_ensemble(raced.folder.path, device="cpu"), [atoms.copy()])[0]
    atoms.calc = EnergyCalculator(raced.folder.path, device="cpu")
    assert atoms.get_potential_energy() == expected.energy_ev
    assert atoms.calc.results["energy_deviation"] == expected.deviation_ev
    atoms.rattle(0.3, seed=1)
    assert not np.isclose(atoms.get_potential_energy(), expected.energy_ev), "a moved structure is predicted anew"
