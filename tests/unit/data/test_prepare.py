"""From a study's data settings to what a trial trains on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, fcc111
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perch.data.prepare import Prepared, check, from_atoms, prepare
from perch.errors import DataError
from perch.study import DataSpec

METALS = ("Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au")


def slab(metal: str, adsorbate: str, height: float, **info: Any) -> Atoms:
    atoms = fcc111(metal, size=(1, 1, 3), vacuum=5.0, periodic=True)
    atoms.set_constraint(FixAtoms(mask=atoms.get_tags() > 2))
    add_adsorbate(atoms, adsorbate, height, "fcc")
    atoms.arrays["initial_positions"] = atoms.positions + np.array([0.0, 0.0, 0.2])
    atoms.info = {"E_ads": height * len(metal) + atoms.numbers[0] / 10, "metal": metal, "adsorbate": adsorbate} | info
    return atoms


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with a file of 42 structures: two adsorbates at three heights on seven metals."""
    frames = [slab(m, a, h) for m in METALS for a in ("O", "H") for h in (1.0, 1.3, 1.6)]
    write(tmp_path / "set.extxyz", frames)
    return tmp_path


def spec(**changes: Any) -> DataSpec:
    return DataSpec(
        **{"source": "extxyz", "path": "set.extxyz", "target": "E_ads", "adsorbate": {"tags": "ase"}} | changes
    )


def prepared(folder: Path, **changes: Any) -> Prepared:
    return prepare(spec(**changes), base=folder, cache=folder / "cache")


def test_what_is_prepared(study: Path) -> None:
    data = prepared(study)
    assert len(data) == len(data.ids) == len(data.formulas) == len(data.groups) == 42
    assert data.graphs.start.tolist() == list(range(0, 169, 4))
    assert data.graphs.adsorbate.reshape(-1, 4).tolist() == [[False] * 3 + [True]] * 42
    assert data.graphs.surface.reshape(-1, 4).tolist() == [[False, False, True, False]] * 42
    assert data.graphs.fixed.reshape(-1, 4).tolist() == [[True, False, False, False]] * 42
    assert set(data.adsorbates) == {"O", "H"}
    assert set(data.groups) == set(METALS)
    assert set(data.baselines) == set(data.baselines_test) == {"mean", "mean_per_adsorbate", "ridge_composition"}
    assert all(value is not None and value > 0 for value in data.baselines.values())
    assert data.geometry == "relaxed"


def test_elements_are_those_of_the_training_set(study: Path) -> None:
    data = prepared(study)
    trained = {data.graphs.numbers[k * 4] for k in data.splits[0].train}
    assert set(data.elements) == trained | {1, 8}
    assert len(trained) < len(METALS)


def test_the_second_time_comes_from_the_cache(study: Path) -> None:
    first = prepared(study)
    stamps = {f: f.stat().st_mtime_ns for f in (study / "cache").rglob("*")}
    again = prepared(study)
    assert {f: f.stat().st_mtime_ns for f in (study / "cache").rglob("*")} == stamps
    assert again.fingerprint == first.fingerprint
    for name in ("start", "numbers", "neighbors", "distances", "mask", "adsorbate", "target_ev"):
        assert np.array_equal(getattr(first.graphs, name), getattr(again.graphs, name))
    assert (again.ids, again.groups, again.baselines, again.warnings) == (
        first.ids,
        first.groups,
        first.baselines,
        first.warnings,
    )


def test_no_ase_is_needed_to_read_the_cache(study: Path) -> None:
    prepared(study)
    code = (
        "import sys; from pathlib import Path; from perch.study import DataSpec; from perch.data.prepare import prepare\n"
        f"prepare(DataSpec.model_validate_json({spec().model_dump_json()!r}), base=Path({str(study)!r}), cache=Path({str(study / 'cache')!r}))\n"
        "print([m for m in ('ase', 'torch', 'ray', 'vesin', 'pandas', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "2 * E_ads"},
        {"cutoff_angstrom": 5.0},
        {"max_neighbors": 8},
        {"geometry": "initial"},
        {"adsorbate": {"symbols": ["O", "H"]}},
        {"select": "metal!=Cu"},
        {"split": {"seed": 1}},
        {"split": {"group": "none"}},
        {"split": {"folds": 5}},
    ],
)
def test_whatever_matters_changes_the_fingerprint(study: Path, changes: dict[str, Any]) -> None:
    assert prepared(study, **changes).fingerprint != prepared(study).fingerprint


def test_where_the_file_lies_does_not_matter_and_what_is_in_it_does(study: Path, tmp_path: Path) -> None:
    before = prepared(study).fingerprint
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "copy.extxyz").write_bytes((study / "set.extxyz").read_bytes())
    assert prepare(spec(path="other/copy.extxyz"), base=tmp_path, cache=study / "cache").fingerprint == before
    write(study / "set.extxyz", [slab(m, "O", 1.0) for m in METALS])
    assert prepared(study).fingerprint != before


def test_neighbours_and_cutoff_may_be_searched(study: Path) -> None:
    wide = prepare(spec(), base=study, cache=study / "cache", cutoff_angstrom=4.0, max_neighbors=6)
    assert (wide.graphs.cutoff_angstrom, wide.graphs.max_neighbors) == (4.0, 6)
    assert wide.graphs.mask.sum() < prepared(study).graphs.mask.sum()


def test_folds_are_several_splits(study: Path) -> None:
    assert len(prepared(study, split={"folds": 5}).splits) == 5


def test_initial_positions_are_used_when_asked_for(study: Path) -> None:
    relaxed, initial = prepared(study), prepared(study, geometry="initial")
    assert initial.geometry == "initial"
    assert np.allclose(relaxed.graphs.distances, initial.graphs.distances, atol=1e-4), (
        "a common shift changes no distance"
    )
    frames = [slab(m, "O", 1.0) for m in METALS]
    for atoms in frames:
        atoms.arrays["initial_positions"][-1, 2] += 0.5
    write(study / "set.extxyz", frames)
    assert not np.allclose(
        prepared(study).graphs.distances.max(), prepared(study, geometry="initial").graphs.distances.sum()
    )


def test_structures_without_initial_positions_are_taken_as_they_are(study: Path) -> None:
    frames = [slab(m, "O", 1.0) for m in METALS]
    for atoms in frames:
        del atoms.arrays["initial_positions"]
    write(study / "set.extxyz", frames)
    assert any("takes the positions as they are" in w for w in prepared(study, geometry="initial").warnings)
    frames[0].arrays["initial_positions"] = frames[0].positions
    (study / "set.extxyz").unlink()
    for atoms in frames:
        write(study / "set.extxyz", atoms, append=True)
    with pytest.raises(DataError, match="6 of 7 structures have no 'initial_positions'"):
        prepared(study, geometry="initial")


def test_a_total_energy_is_called_one(study: Path) -> None:
    frames = []
    rng = np.random.default_rng(0)
    for k in range(40):
        atoms = slab(METALS[k % 7], "O", 1.2).repeat((1 + k % 3, 1 + k % 2, 1))
        atoms.calc = SinglePointCalculator(atoms, energy=float((-0.1 * atoms.numbers - 3).sum() + rng.normal(0, 0.01)))
        frames.append(atoms)
    write(study / "total.traj", frames)
    assert any("looks like a total energy" in w for w in prepared(study, path="total.traj", target="energy").warnings)
    assert not any("total energy" in w for w in prepared(study).warnings)


@pytest.mark.parametrize(
    ("frames", "changes", "what"),
    [
        ([slab("Cu", "O", 1.0)], {}, "only one structure"),
        ([slab("Cu", "O", 1.0, E_ads=1.0), slab("Ag", "O", 1.0, E_ads=1.0)], {}, "target is 1 eV for all 2"),
        (
            [slab(m, "O", 1.0, E_ads=np.nan if m == "Pt" else 1.0) for m in METALS],
            {},
            "1 of 7 structures have no finite target: set-5",
        ),
        ([slab("Cu", "O", 1.0)] * 4, {"target": "E_adss"}, "has a number under the key 'E_adss'"),
        ([slab("Cu", "O", 1.0)] * 4, {"select": "metal=Fe"}, "matches no structure"),
        ([slab("Cu", "O", 1.0)] * 4, {"adsorbate": {"symbols": ["N"]}}, "every structure has no adsorbate"),
        ([slab("Cu", "O", 1.0)] * 4, {"split": {"group": "surface"}}, "4 of 4 structures have no 'surface'"),
    ],
)
def test_data_that_cannot_be_trained_on(
    study: Path, frames: list[Atoms], changes: dict[str, Any], what: str | None
) -> None:
    write(study / "set.extxyz", frames)
    with pytest.raises(DataError, match=what):
        prepared(study, **changes)
    assert not list((study / "cache").rglob("*.npy")), "nothing is left behind"


def broken(fault: str) -> Atoms:
    atoms = slab("Pt", "O", 1.0)
    match fault:
        case "overlap":
            atoms.positions[-1] = atoms.positions[-2] + np.array([0, 0, 0.05])
        case "flat cell":
            atoms.cell[2] = 0
        case "no number":
            atoms.positions[0, 0] = np.nan
        case "unknown element":
            atoms.numbers[0] = 0
        case "heavy element":
            atoms.numbers[0] = 105
    return atoms


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("overlap", "atoms on top of each other: set-7"),
        ("flat cell", "periodic in a direction in which their cell has no extent"),
        ("no number", "not finite numbers"),
        ("unknown element", "unknown element"),
        ("heavy element", "no atom features for element 105"),
    ],
)
def test_structures_that_cannot_become_graphs(study: Path, fault: str, what: str) -> None:
    write(study / "set.traj", [*(slab(m, "O", 1.0) for m in METALS), broken(fault)])
    with pytest.raises(DataError, match=what):
        prepared(study, path="set.traj")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"source": "nowhere"}, "no data source is called 'nowhere'"),
        ({"path": None}, "needs a path"),
        ({"path": "none.extxyz"}, "does not exist"),
        ({"path": "cache.pkl"}, "does not exist"),
        ({"source": "adsorption"}, "takes no path"),
        ({"source": "cif"}, "is not a folder"),
        ({"source": "ase-db"}, "does not read 'set.extxyz'"),
        ({"atom_features": "mine.json"}, "atom_features 'mine.json' does not exist"),
        ({"split": {"tests": {"far": "far.txt"}}}, "file of ids 'far.txt'"),
        ({"split": {"files": {"train": "t.txt"}}}, "file of ids 't.txt'"),
    ],
)
def test_early_checks(study: Path, changes: dict[str, Any], what: str) -> None:
    with pytest.raises(DataError, match=what):
        check(spec(**changes), study)


def test_early_checks_import_nothing_heavy(study: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from perch.study import DataSpec; from perch.data.prepare import check\n"
        f"check(DataSpec.model_validate_json({spec().model_dump_json()!r}), Path({str(study)!r}))\n"
        "print([m for m in ('ase', 'torch', 'ray', 'vesin', 'pandas', 'scipy', 'pooch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_new_structures_become_the_graphs_that_they_were(study: Path) -> None:
    data = prepared(study)
    atoms = [slab(m, a, h) for m in METALS for a in ("O", "H") for h in (1.0, 1.3, 1.6)]
    new = from_atoms(atoms, data)
    assert np.isnan(new.target_ev).all()
    for name in ("start", "numbers", "mask", "adsorbate", "surface", "fixed"):
        assert np.array_equal(getattr(new, name), getattr(data.graphs, name))
    assert np.allclose(new.distances, data.graphs.distances, atol=1e-5)
    assert np.array_equal(from_atoms(atoms, spec()).neighbors, new.neighbors)
    with pytest.raises(DataError, match="on top of each other"):
        from_atoms([broken("overlap")], data)


def test_a_cache_that_cannot_be_written_costs_time_only(study: Path) -> None:
    (study / "cache").write_text("a file where the folder should be")
    data = prepared(study)
    assert len(data) == 42
    assert any("cannot be written" in w for w in data.warnings)


@given(st.permutations(range(12)))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_structures_changes_no_graph(order: list[int]) -> None:
    atoms = [slab(m, "O", 1.0 + 0.1 * k) for k, m in enumerate([*METALS, *METALS[:5]])]
    like = spec(adsorbate=None)
    graphs, shuffled = from_atoms(atoms, like), from_atoms([atoms[k] for k in order], like)
    for new, old in enumerate(order):
        a, b = slice(4 * new, 4 * new + 4), slice(4 * old, 4 * old + 4)
        kept, was = shuffled.distances[a][shuffled.mask[a]], graphs.distances[b][graphs.mask[b]]
        assert np.allclose(kept, was)


def test_other_processes_of_a_run_are_told_the_digests_and_hash_nothing(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepared(study)
    hashed: list[Path] = []
    monkeypatch.setattr("perch.data.prepare.digest", lambda file: hashed.append(file) or "other")
    told = prepare(spec(), base=study, cache=study / "cache", files=first.files)
    assert (told.fingerprint, told.files, hashed) == (first.fingerprint, first.files, [])
    prepare(spec(), base=study, cache=study / "cache", files=first.files, cutoff_angstrom=4.0)
    assert hashed == []


def test_digests_that_are_not_whole_are_made_anew(study: Path) -> None:
    first = prepared(study)
    [kept] = (study / "cache" / "digests").iterdir()
    kept.write_text('["wrong"]')
    assert prepare(spec(), base=study, cache=study / "cache", files=first.files).fingerprint == first.fingerprint


def test_a_table_of_atom_features_belongs_to_the_fingerprint(study: Path) -> None:
    def with_table(number: float) -> str:
        (study / "own.json").write_text(json.dumps({str(z): [number, 2.0] for z in range(1, 101)}))
        return prepared(study, atom_features="own.json").fingerprint

    assert len({with_table(1.0), with_table(3.0), prepared(study).fingerprint}) == 3
