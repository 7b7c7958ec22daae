"""What every data source promises. A new source is tested as soon as it has an example here."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write

from perch.data.fingerprint import digest
from perch.data.prepare import check, from_atoms, prepare
from perch.data.reading.source import SOURCES, Source
from perch.data.reading.target import PLACES
from perch.errors import DataError
from perch.study import DataSpec

ELEMENTS = ("Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au", "Rh", "Ir", "Pb")


def crystals() -> list[Atoms]:
    """Twenty crystals with a gap, some numbers more, and an energy in the calculator."""
    made = []
    for k in range(20):
        atoms = bulk(ELEMENTS[k % 10], "fcc", a=3.5 + 0.05 * k, cubic=True)
        atoms.calc = SinglePointCalculator(atoms, energy=-3.0 * k)
        made.append(atoms)
    return made


def adsorption(folder: Path) -> dict[str, Any]:
    return {}


def toy(folder: Path) -> dict[str, Any]:
    return {"select": "count=20"}


def extxyz(folder: Path) -> dict[str, Any]:
    frames = crystals()
    for k, atoms in enumerate(frames):
        atoms.info = {"gap": 0.1 * k**2, "kind": "even" if k % 2 == 0 else "odd"}
    write(folder / "my set, ü.extxyz", frames)
    return {"path": "my set, ü.extxyz", "target": "gap"}


def traj(folder: Path) -> dict[str, Any]:
    write(folder / "set.traj", crystals())
    return {"path": "set.traj", "target": "energy / 2"}


def ase_db(folder: Path, name: str = "set.db") -> dict[str, Any]:
    with connect(folder / name) as database:
        for k, atoms in enumerate(crystals()):
            database.write(
                atoms, gap=0.1 * k**2, kind="even" if k % 2 == 0 else "odd", data={"nested": {"gap": 1.0 * k}}
            )
    return {"path": name, "target": "gap + nested.gap"}


def aselmdb(folder: Path) -> dict[str, Any]:
    return ase_db(folder, "set.aselmdb")


def cif(folder: Path) -> dict[str, Any]:
    root = folder / "crystals of 'mine'"
    root.mkdir()
    lines = []
    for k, atoms in enumerate(crystals()):
        write(root / f"c{k}.cif", atoms)
        lines.append(f"c{k},{0.1 * k**2}")
    (root / "id_prop.csv").write_text("\n".join(lines) + "\n")
    return {"path": root.name}


EXAMPLES: dict[str, tuple[str, Callable[[Path], dict[str, Any]]]] = {
    "adsorption": ("adsorption", adsorption),
    "toy": ("toy", toy),
    "extxyz": ("extxyz", extxyz),
    "traj": ("extxyz", traj),
    "ase-db": ("ase-db", ase_db),
    "aselmdb": ("ase-db", aselmdb),
    "cif": ("cif", cif),
}


def example(name: str, folder: Path, **changes: Any) -> tuple[DataSpec, Source, Path | None]:
    source, make = EXAMPLES[name]
    spec = DataSpec(**{"source": source, **make(folder), **changes})
    return spec, SOURCES.get(source), None if spec.path is None else folder / spec.path


def test_every_source_has_an_example() -> None:
    assert {source for source, _make in EXAMPLES.values()} == set(SOURCES.names())


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_source_says_what_it_reads(name: str, tmp_path: Path) -> None:
    spec, source, _path = example(name, tmp_path)
    assert 10 < len(source.summary) < 120
    assert "\n" not in source.summary
    assert source.needs_path == (spec.path is not None)


@pytest.mark.parametrize("name", EXAMPLES)
def test_entries_have_atoms_an_id_each_and_tables_in_the_documented_order(name: str, tmp_path: Path) -> None:
    spec, source, path = example(name, tmp_path)
    check(spec, tmp_path)
    entries = source.read(spec, path, None)
    assert len(entries) >= 20
    assert len({entry.id for entry in entries}) == len(entries)
    for entry in entries:
        assert len(entry.atoms) > 0
        places = [place for place, _table in entry.tables]
        assert places == [place for place in PLACES if place in places]


@pytest.mark.parametrize("name", EXAMPLES)
def test_reading_twice_gives_the_same(name: str, tmp_path: Path) -> None:
    spec, source, path = example(name, tmp_path)
    first, second = source.read(spec, path, None), source.read(spec, path, None)
    assert [e.id for e in first] == [e.id for e in second]
    assert all(a.atoms == b.atoms for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_files_that_decide_are_named(name: str, tmp_path: Path) -> None:
    spec, source, path = example(name, tmp_path)
    files = list(source.files(spec, path))
    assert files
    assert all(digest(file) for file in files)


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_can_be_trained_on_and_predicted_for(name: str, tmp_path: Path) -> None:
    spec, source, path = example(name, tmp_path)
    data = prepare(spec, base=tmp_path, cache=tmp_path / "cache")
    assert np.isfinite(data.graphs.target_ev).all()
    again = from_atoms([entry.atoms for entry in source.read(spec, path, None)], data)
    assert np.array_equal(again.mask, data.graphs.mask)
    assert np.allclose(again.distances, data.graphs.distances)


@pytest.mark.parametrize("name", ["extxyz", "ase-db", "aselmdb", "adsorption"])
def test_select_chooses(name: str, tmp_path: Path) -> None:
    condition = "adsorbate=O" if name == "adsorption" else "kind=even"
    spec, source, path = example(name, tmp_path, select=condition)
    chosen = source.read(spec, path, None)
    everything = source.read(spec.model_copy(update={"select": None}), path, None)
    assert 0 < len(chosen) < len(everything)
    assert {entry.id for entry in chosen} < {entry.id for entry in everything}


@pytest.mark.parametrize("name", [name for name, (source, _make) in EXAMPLES.items() if SOURCES.get(source).needs_path])
def test_a_truncated_file_is_one_clear_error(name: str, tmp_path: Path) -> None:
    spec, _source, path = example(name, tmp_path)
    assert path is not None
    victim = next(path.glob("c7.*")) if path.is_dir() else path
    content = victim.read_bytes()
    victim.write_bytes(content[: len(content) // 3] if not path.is_dir() else content[:120])
    with pytest.raises(DataError) as caught:
        prepare(spec, base=tmp_path, cache=tmp_path / "cache")
    assert caught.value.why
    assert caught.value.fix


@pytest.mark.parametrize("name", [name for name, (source, _make) in EXAMPLES.items() if SOURCES.get(source).needs_path])
def test_a_path_that_is_not_there_is_refused_early(name: str, tmp_path: Path) -> None:
    spec, _source, _path = example(name, tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        check(spec.model_copy(update={"path": "elsewhere"}), tmp_path)


def test_sources_import_nothing_heavy() -> None:
    code = (
        "import sys; from perch.data.reading.source import SOURCES; SOURCES.names(); "
        "print([m for m in ('ase', 'torch', 'ray', 'pandas', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestEmbedded:
    """Facts of the embedded set that its datasheet states."""

    def test_size_elements_and_grouping(self, tmp_path: Path) -> None:
        data = prepare(DataSpec(), base=tmp_path, cache=tmp_path / "cache")
        assert len(data) == 652
        assert set(data.adsorbates) == {"H", "C", "N", "O", "CO", "OH"}
        assert len(set(data.groups)) == 55
        assert set(data.elements) <= {1, 6, 7, 8, 13, 29, 45, 46, 47, 77, 78, 79}
        for side in (data.splits[0].validation, data.splits[0].test):
            assert not {data.groups[k] for k in side} & {data.groups[k] for k in data.splits[0].train}

    def test_baselines_over_five_folds_by_slab(self, tmp_path: Path) -> None:
        """Mean 1.45, mean per adsorbate 0.83 eV; a ridge on composition leaves some 39 % of the mean's error."""
        data = prepare(DataSpec(split={"folds": 5}), base=tmp_path, cache=tmp_path / "cache")
        found = data.baselines_test
        assert found["mean"] == pytest.approx(1.447, abs=0.01)
        assert found["mean_per_adsorbate"] == pytest.approx(0.825, abs=0.02)
        assert 0.34 < found["ridge_composition"] / found["mean"] < 0.42  # type: ignore[operator]

    def test_what_the_datasheet_says_of_twins_moves_and_lowest_energies(self) -> None:
        pairs, lowest = 0, {}
        infos = [entry.atoms.info for entry in SOURCES.get("adsorption").read(DataSpec(), None, None)]
        kinds = {(info["slab"], info["adsorbate"]) for info in infos}
        for slab, adsorbate in kinds:
            same = [i["adsorption_energy_ev"] for i in infos if (i["slab"], i["adsorbate"]) == (slab, adsorbate)]
            pairs += sum(abs(a - b) <= 0.005 for a, b in itertools.combinations(same, 2))
            lowest[slab, adsorbate] = min(same)
        assert pairs == 36
        assert np.mean([info["moved_angstrom"] > 0.8 for info in infos]) == pytest.approx(0.14, abs=0.005)
        told = {"Pt-111": {"O": 1.51, "H": -0.15, "N": 1.03}, "Rh-111": {"O": 0.89, "H": -0.11, "N": -0.54}}
        for slab, energies in told.items():
            for adsorbate, energy_ev in energies.items():
                assert lowest[slab, adsorbate] == pytest.approx(energy_ev, abs=0.006)

    def test_it_is_small(self) -> None:
        (file,) = SOURCES.get("adsorption").files(DataSpec(), None)
        assert file.stat().st_size < 2**20


class TestDatabase:
    def test_selection_that_cannot_be_read(self, tmp_path: Path) -> None:
        spec, _source, _path = example("ase-db", tmp_path, select="gap=")
        with pytest.raises(DataError, match=r"data\.select 'gap='|matches no structure"):
            prepare(spec, base=tmp_path, cache=tmp_path / "cache")

    def test_reading_leaves_nothing_beside_it(self, tmp_path: Path) -> None:
        spec, source, path = example("ase-db", tmp_path)
        before = sorted(tmp_path.iterdir())
        source.read(spec, path, None)
        assert sorted(tmp_path.iterdir()) == before


class TestCif:
    def folder(self, tmp_path: Path, table: str) -> DataSpec:
        spec, _source, path = example("cif", tmp_path)
        assert path is not None
        (path / "id_prop.csv").write_text(table)
        return spec

    @pytest.mark.parametrize(
        ("table", "what"),
        [
            ("", "is empty"),
            ("c0\n", "line 1: not 'ID,TARGET'"),
            ("c0,1\n../c1,2\n", "line 2: not 'ID,TARGET'"),
            ("c0,1\nc99,2\n", "names 'c99', but there is no c99.cif"),
        ],
    )
    def test_tables_that_are_none(self, tmp_path: Path, table: str, what: str) -> None:
        spec = self.folder(tmp_path, table)
        with pytest.raises(DataError, match=what):
            prepare(spec, base=tmp_path, cache=tmp_path / "cache")

    def test_a_header_line_names_columns(self, tmp_path: Path) -> None:
        rows = "\n".join(f"c{k},{k},{k * k},s{k % 5}" for k in range(20))
        spec = self.folder(tmp_path, f"id,gap,energy,spacegroup\n{rows}\n")
        with pytest.raises(DataError, match="key 'target'"):
            prepare(spec, base=tmp_path, cache=tmp_path / "cache")
        chosen = spec.model_copy(update={"target": "energy - gap"})
        data = prepare(chosen, base=tmp_path, cache=tmp_path / "cache")
        assert data.graphs.target_ev.tolist() == [k * k - k for k in range(20)]

    def test_a_cif_without_a_cell(self, tmp_path: Path) -> None:
        spec, _source, path = example("cif", tmp_path)
        assert path is not None
        (path / "c3.cif").write_text("data_c3\nloop_\n_atom_site_label\n_atom_site_fract_x\nCu1 0.0\n")
        with pytest.raises(DataError, match=r"c3\.cif"):
            prepare(spec, base=tmp_path, cache=tmp_path / "cache")


class TestToy:
    def test_a_larger_set_begins_with_the_smaller_one(self, tmp_path: Path) -> None:
        small, source, _path = example("toy", tmp_path, select="count=3")
        large, _source, _path = example("toy", tmp_path, select="count=5")
        a, b = source.read(small, None, None), source.read(large, None, None)
        assert all(x.atoms == y.atoms for x, y in zip(a, b[:3], strict=True))

    @pytest.mark.parametrize("select", ["count=0", "n=3", "count=-1", "count=1.5", ""])
    def test_counts_that_are_none(self, tmp_path: Path, select: str) -> None:
        spec, _source, _path = example("toy", tmp_path, select=select)
        with pytest.raises(DataError, match="means nothing to the toy source"):
            check(spec, tmp_path)


CMR = Path(__file__).resolve().parents[3] / "shared" / "data" / "cmr_adsorption.db"


@pytest.mark.slow
@pytest.mark.skipif(not CMR.is_file(), reason=f"the CMR adsorption database is not at {CMR}")
def test_density_functional_data_leaving_one_metal_out(tmp_path: Path) -> None:
    """Schmidt and Thygesen's benchmark: mean 1.49, mean per adsorbate 0.69, ridge on composition 0.24 eV."""
    spec = DataSpec(
        source="ase-db",
        path=str(CMR),
        target="RPBE_adsorp",
        adsorbate={"symbols": ["H", "C", "N", "O"]},
        split={"group": "surf_mat", "folds": 25},
    )
    data = prepare(spec, base=tmp_path, cache=tmp_path / "cache")
    found = data.baselines_test
    assert len(data) == 200
    assert len(data.splits) == 25
    assert found["mean"] == pytest.approx(1.49, abs=0.02)
    assert found["mean_per_adsorbate"] == pytest.approx(0.69, abs=0.02)
    assert found["ridge_composition"] == pytest.approx(0.24, abs=0.02)
    with pytest.raises(DataError, match="3 of 200 structures have no finite target"):
        prepare(spec.model_copy(update={"target": "vdWDF2_adsorp"}), base=tmp_path, cache=tmp_path / "cache")


@pytest.mark.parametrize("name", ["extxyz", "ase-db", "aselmdb"])
def test_spaces_in_a_selection_do_not_matter(name: str, tmp_path: Path) -> None:
    spec, source, path = example(name, tmp_path)
    found = [
        [entry.id for entry in source.read(spec.model_copy(update={"select": select}), path, None)]
        for select in ("gap<10,kind=even", "gap<10, kind = even", " gap < 10 ,kind= even ")
    ]
    assert len(found[0]) == 5
    assert found[1] == found[0]
    assert found[2] == found[0]
