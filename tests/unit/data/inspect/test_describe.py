"""What ``perch data inspect`` says, on data with known faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, fcc111
from ase.io import write

from perch.data.inspect.describe import Description, describe
from perch.data.inspect.page import lines
from perch.study import DataSpec

METALS = ("Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au", "Rh", "Ir", "Pb")


def slab(metal: str, height: float, number: int) -> Atoms:
    atoms = fcc111(metal, size=(1, 1, 3), vacuum=5.0, periodic=True)
    add_adsorbate(atoms, "O", height, "fcc")
    atoms.info = {"id": f"{metal}-{number}", "E": atoms.numbers[0] / 20 + 3 * height, "adsorbate": "O", "metal": metal}
    return atoms


def good() -> list[Atoms]:
    return [slab(m, 1.2 + 0.1 * k, k) for m in METALS for k in range(4)]


def look(folder: Path, frames: list[Atoms], **changes: Any) -> Description:
    write(folder / "set.extxyz", frames)
    spec = DataSpec(**{"source": "extxyz", "path": "set.extxyz", "target": "E", "adsorbate": {"tags": "ase"}} | changes)
    return describe(spec, base=folder, cache=folder / "cache")


def test_sound_data(tmp_path: Path) -> None:
    found = look(tmp_path, good())
    assert found.problems == ()
    assert found.facts["structures"] == "40"
    assert found.facts["atoms"] == "160 in all; 4 to 4 per structure, median 4"
    assert found.facts["elements"].startswith("O 40, Al 4")
    assert found.facts["adsorbates"] == "O 40"
    assert found.facts["groups"].startswith("10: ")
    assert found.facts["split"].startswith("train 28 in 7 groups")
    assert found.keys["E"].startswith("40 numbers")
    for side in ("validation", "test"):
        assert all(value is not None and value > 0 for value in found.baselines[side].values())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("nan", "1 of 41 structures have no finite target: Cu-9"),
        ("overlap", "1 structures have atoms on top of each other (closer than 0.3 Å): Cu-9"),
        ("short", "1 structures have a bond shorter than 0.6 of the sum of covalent radii: Cu-9"),
        ("outlier", "1 targets lie more than 6 robust deviations from the median of their adsorbate: Cu-9 (500.00 eV)"),
        ("isolated", "1 structures have atoms without any neighbour within 6 Å: Cu-9"),
        ("twin", "1 pairs are the same within 0.05 Å and 5 meV: Cu-0 = Cu-9"),
        ("no adsorbate", "1 of 41 structures have no adsorbate under"),
    ],
)
def test_what_looks_wrong_is_said(tmp_path: Path, fault: str, said: str) -> None:
    odd = slab("Cu", 1.25, 9)
    match fault:
        case "nan":
            odd.info["E"] = np.nan
        case "overlap":
            odd.positions[-1] = odd.positions[-2] + np.array([0, 0, 0.1])
        case "short":
            odd.positions[-1] = odd.positions[-2] + np.array([0, 0, 0.9])
        case "outlier":
            odd.info["E"] = 500.0
        case "isolated":
            info, odd = (
                odd.info,
                Atoms("CuCuO", [[0, 0, 0], [0, 0, 2.5], [0, 0, 20]], cell=[40] * 3, pbc=True, tags=[2, 1, 0]),
            )
            odd.info = info
        case "twin":
            odd = slab("Cu", 1.2, 9)
        case "no adsorbate":
            odd.set_tags(1)
    assert any(problem.startswith(said) for problem in look(tmp_path, [*good(), odd]).problems)


def test_twins_on_both_sides_of_the_split_are_called_out(tmp_path: Path) -> None:
    frames = [*good(), *good()]
    for k, atoms in enumerate(frames):
        atoms.info["id"] = f"s{k}"
    apart = look(tmp_path, frames, split={"group": "none"})
    assert any("lie on both sides of the split" in p for p in apart.problems)
    together = look(tmp_path, frames)
    assert any("40 pairs are the same" in p for p in together.problems)
    assert not any("lie on both sides" in p for p in together.problems)


def test_a_missing_target_still_shows_the_keys(tmp_path: Path) -> None:
    found = look(tmp_path, good(), target="E_ads")
    assert "none of the 40 structures has a number under the key 'E_ads'" in found.problems[0]
    assert set(found.keys) == {"E", "adsorbate", "id", "metal"}


def test_a_split_that_cannot_be_still_shows_the_rest(tmp_path: Path) -> None:
    found = look(tmp_path, [slab("Cu", 1.2 + 0.1 * k, k) for k in range(8)])
    assert "leaves validation empty" in found.problems[-1]
    assert found.facts["neighbours"]
    assert found.baselines == {}


def test_the_page_fits_its_width(tmp_path: Path) -> None:
    description = look(tmp_path, good())
    page = list(lines(description, width=80))
    assert max(map(len, page)) <= 80
    assert "nothing looks wrong" in page[-1]
    (row,) = [line for line in page if "ridge regression on composition" in line]
    assert f"{description.baselines['test']['ridge_composition']:.3f}" in row
