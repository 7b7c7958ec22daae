"""Which atoms are the adsorbate: five ways to say it, none to guess it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms

from perch.data.reading.adsorbate import check_flags, flags, listed
from perch.data.reading.source import Entry
from perch.errors import DataError
from perch.study import AdsorbateSpec


def slab(tags: list[int], **info: Any) -> Entry:
    return Entry(Atoms("PtPtOH", positions=np.arange(12).reshape(4, 3), tags=tags), "s", (("info", info),))


@pytest.mark.parametrize(
    ("how", "tags", "adsorbate", "surface"),
    [
        ({"tags": "ase"}, [2, 1, 0, 0], "FFTT", "FTFF"),
        ({"tags": "ocp"}, [0, 1, 2, 2], "FFTT", "FTFF"),
        ({"tags": "gaspy"}, [0, 0, 1, 2], "FFTT", "FFFF"),
        ({"symbols": ["O", "H"]}, [0, 0, 0, 0], "FFTT", "FFFF"),
        ({"symbols": ["H"]}, [0, 0, 0, 0], "FFFT", "FFFF"),
        ({"indices": "which"}, [0, 0, 0, 0], "FFTT", "FFFF"),
    ],
)
def test_each_convention(how: dict[str, Any], tags: list[int], adsorbate: str, surface: str) -> None:
    found = flags(slab(tags, which=[2, 3]), AdsorbateSpec(**how))
    assert ["".join("T" if x else "F" for x in flag) for flag in found] == [adsorbate, surface]


def test_nothing_is_marked_when_nothing_is_said() -> None:
    adsorbate, surface = flags(slab([0, 1, 2, 3]), None)
    assert not adsorbate.any()
    assert not surface.any()


@pytest.mark.parametrize("which", [[2, 9], [-1], [0.5], "abc", [[1]] * 2 + [[9]]])
def test_indices_that_are_none_are_refused(which: Any) -> None:
    with pytest.raises(DataError, match="does not hold indices of its 4 atoms"):
        flags(slab([0] * 4, which=which), AdsorbateSpec(indices="which"))


def test_a_structure_without_the_key_of_indices_is_refused() -> None:
    with pytest.raises(DataError, match="has no 'which'"):
        flags(slab([0] * 4), AdsorbateSpec(indices="which"))


@pytest.mark.parametrize(("tags", "what"), [([1, 1, 1, 1], "no adsorbate"), ([0, 0, 0, 0], "nothing but adsorbate")])
def test_a_convention_that_fits_no_structure_is_refused(tags: list[int], what: str) -> None:
    how = AdsorbateSpec(tags="ase")
    entries = [slab(tags)] * 3
    with pytest.raises(DataError, match=f"every structure has {what}") as caught:
        check_flags(entries, [flags(e, how)[0] for e in entries], how)
    assert f"tags in the data: [{tags[0]}]" in caught.value.why


def test_a_convention_that_misses_some_structures_is_said() -> None:
    how = AdsorbateSpec(tags="ase")
    entries = [slab([2, 1, 0, 0]), slab([1, 1, 1, 1])]
    (warning,) = check_flags(entries, [flags(e, how)[0] for e in entries], how)
    assert warning.startswith("1 of 2 structures have no adsorbate")


def test_long_lists_are_cut() -> None:
    assert listed(list("abcdefg"), 3) == "a, b, c, … (4 more)"
    assert listed(["a"]) == "a"
