"""The script that makes the embedded set anew, without its potential: slabs, starts, resuming, packing, verdicts.

Where something must be relaxed, ASE's EMT stands in: the way from nothing to a packed file is the same.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT

from perch.data.reading.source import SOURCES
from perch.study import DataSpec

SCRIPT = Path(__file__).resolve().parents[3] / "studies" / "embedded"
SAME = {
    "id": "Cu-111-O-0",
    "shipped_ev": 1.0,
    "at_rest_ev": 1.001,
    "again_ev": 0.999,
    "own_ev": 1.002,
    "slab_angstrom": 0.001,
    "converged": True,
}
PARTS = ("recipe", "slabs", "sites", "adsorbate", "workshop", "shipped", "check", "pack", "make")


@pytest.fixture(scope="module")
def script() -> Iterator[Any]:
    """The script's modules. They import each other by bare names, since uv runs them as they lie."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT))
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in PARTS})
        for name in PARTS:
            del sys.modules[name]


@pytest.fixture(scope="module")
def shipped(script: Any) -> list[Atoms]:
    return list(script.shipped.embedded())


@pytest.fixture
def emt(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script.workshop, "potential", EMT)


class TestRecipe:
    def test_every_shipped_slab_is_the_recipes(self, script: Any, shipped: list[Atoms]) -> None:
        """Layers, what is held, elements, cell, and where held atoms are: a slab held otherwise relaxes to another one."""
        seen = {}
        for given in shipped:
            seen.setdefault(given.info["slab"], given)
        assert set(seen) == set(script.recipe.all_slabs())
        for name, given in seen.items():
            metal, facet = name.split("-")
            slab, began = script.shipped.slab_before(given), script.slabs.bare_slab(metal, facet, 4.0)
            a = 4.0 * given.cell[0, 0] / began.cell[0, 0]
            bare = script.slabs.bare_slab(metal, facet, a)
            held = given.arrays["fixed"][given.get_tags() > 0] == 1
            assert list(bare.symbols) == list(slab.symbols), name
            assert list(bare.get_tags()) == list(slab.get_tags()), name
            assert list(np.flatnonzero(held)) == list(bare.constraints[0].index), name
            assert np.allclose(bare.cell, given.cell, atol=1e-3), name
            assert script.shipped.apart(bare[held], slab[held]) < 1e-3, name

    def test_every_shipped_start_is_the_recipes(self, script: Any, shipped: list[Atoms]) -> None:
        """Each of the 652 began on a site that the script lists, at the height that its rule gives, turned as it turns."""
        clean = {}
        for given in shipped:
            name, facet = given.info["slab"], str(given.info["facet"])
            if name not in clean:
                slab = script.shipped.slab_before(given)
                clean[name] = slab, script.sites.sites(slab, facet)
            slab, listed = clean[name]
            site = script.shipped.same_site(slab, given, listed)
            assert site is not None, given.info["id"]
            start = script.adsorbate.place(slab, given.info["adsorbate"], site)
            ours, theirs = start[start.get_tags() == 0], script.shipped.adsorbate_before(given)
            assert list(ours.symbols) == list(theirs.symbols)
            assert abs(ours.positions[0, 2] - theirs.positions[0, 2]) < 0.021, given.info["id"]
            turned = (ours.positions - ours.positions[0]) - (theirs.positions - theirs.positions[0])
            assert abs(turned).max() < 1e-3, given.info["id"]

    def test_every_shipped_system_is_whole(self, script: Any, shipped: list[Atoms]) -> None:
        assert all(script.adsorbate.whole(given, given.info["adsorbate"]) for given in shipped)

    @pytest.mark.parametrize("slab", ["Ag3Au-111", "Al3Rh-111", "Pt3Ir-100"])
    def test_no_atom_is_folded_to_the_other_side(self, script: Any, slab: str) -> None:
        """ASE's ``surface`` leaves heights like -1e-16, and some lattice constants moved an atom of the lowest layer up."""
        metal, facet = slab.split("-")
        for a in np.linspace(3.8, 4.3, 101):
            tags = script.slabs.bare_slab(metal, facet, a).get_tags()
            assert set(np.bincount(tags)[1:]) == {4}

    def test_broken_and_desorbed(self, script: Any, shipped: list[Atoms]) -> None:
        bound = next(given for given in shipped if given.info["adsorbate"] == "CO")
        for moved in ([-1], [-2, -1]):
            far = bound.copy()
            far.positions[moved, 2] += 2.5
            assert not script.adsorbate.whole(far, "CO")


class TestMake:
    def make(self, script: Any, work: Path, *arguments: str) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["make.py", "--work", str(work), *arguments])
            return int(script.make.main())

    @pytest.mark.usefixtures("emt")
    def test_from_nothing_to_a_file_that_perch_reads(
        self, script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        work, file = tmp_path / "work", tmp_path / "made.extxyz.gz"
        assert self.make(script, work, "pack", str(file)) == 1
        assert not file.exists()
        assert self.make(script, work, "make", "--slab", "Cu-100", "--number", "3") == 0
        assert "3 systems" in capsys.readouterr().out
        assert self.make(script, work, "pack", str(file)) == 0
        packed = file.read_bytes()

        # what is there is not computed again, and packs to the same bytes
        monkeypatch.setattr(script.workshop, "potential", None)
        assert self.make(script, work, "make", "--slab", "Cu-100", "--number", "3") == 0
        assert self.make(script, work, "pack", str(file)) == 0
        assert file.read_bytes() == packed
        with pytest.raises(TypeError):
            self.make(script, work, "make", "--slab", "Cu-100", "--number", "4")

        spec = DataSpec(source="extxyz", path=str(file), target="adsorption_energy_ev", adsorbate={"tags": "ase"})
        made = SOURCES.get("extxyz").read(spec, file, None)
        assert 1 <= len(made) <= 3
        embedded = SOURCES.get("adsorption").read(DataSpec(), None, None)
        assert set(made[0].atoms.info) == set(embedded[0].atoms.info)
        assert set(made[0].atoms.arrays) == set(embedded[0].atoms.arrays)

    @pytest.mark.usefixtures("emt")
    def test_what_an_older_recipe_made_is_made_anew(
        self, script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop = script.workshop.Workshop(tmp_path)
        first = shop.clean("Cu-111")
        assert shop.kept("clean-Cu-111") == first
        monkeypatch.setattr(script.workshop, "RECIPE", script.recipe.RECIPE + 1)
        assert shop.kept("clean-Cu-111") is None


class TestCheck:
    @pytest.mark.parametrize(
        ("changed", "again", "own"),
        [
            ({}, "same", "same"),
            ({"again_ev": 1.0201}, "another minimum", "same"),
            ({"again_ev": 0.9}, "another minimum", "same"),
            ({"own_ev": 0.9}, "same", "another minimum"),
            ({"own_ev": None}, "same", "no such site"),
            ({"at_rest_ev": 1.1}, "another energy", "same"),
            ({"slab_angstrom": 0.27}, "another slab", "same"),
            ({"slab_angstrom": float("inf")}, "another slab", "same"),
            ({"converged": False}, "not converged", "same"),
        ],
    )
    def test_verdicts(self, script: Any, changed: dict[str, Any], again: str, own: str) -> None:
        one = script.check.Comparison(**{**SAME, **changed})
        assert (one.verdict, one.own_verdict) == (again, own)
        assert one.row().count("|") == script.check.HEAD.splitlines()[0].count("|")

    @pytest.mark.usefixtures("emt")
    def test_another_potential_does_not_pass(
        self,
        script: Any,
        shipped: list[Atoms],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        some = [given for given in shipped if given.info["id"] in {"Cu-100-O-1", "Cu-100-H-1"}]
        monkeypatch.setattr(script.check, "embedded", lambda: some)
        monkeypatch.setattr(script.check, "versions", lambda: "")
        shop = script.workshop.Workshop(tmp_path)
        assert script.check.check(shop, 20, 0, -1.0) == script.check.STOPPED
        assert script.check.check(shop, 20, 0, float("inf")) == 1
        out = capsys.readouterr().out
        assert "stopped after 0 of 2" in out
        assert out.count("| another slab | another minimum |") == 4  # once as it comes, once in the table
        assert "again: 0 of 2 within 0.02 eV" in out
