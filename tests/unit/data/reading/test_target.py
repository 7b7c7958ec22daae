"""Where a target is looked up, and what is said when it is not there."""

from __future__ import annotations

import io

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from perch.data.reading.files import entries_of
from perch.data.reading.source import Entry
from perch.data.reading.target import PLACES, key_table, lookup, targets
from perch.errors import DataError


def entry(**tables: dict[str, object]) -> Entry:
    return Entry(Atoms("H"), "x", tuple((place, tables[place]) for place in PLACES if place in tables))


def test_the_first_place_that_has_a_key_wins() -> None:
    assert PLACES == ("key_value_pairs", "data", "info", "calculator")
    everywhere = {place: {"energy": float(n)} for n, place in enumerate(PLACES)}
    for n, place in enumerate(PLACES):
        assert lookup(entry(**everywhere), "energy") == n
        del everywhere[place]
    assert lookup(entry(**everywhere), "energy") is None


def test_energy_of_an_extended_xyz_file_is_found_where_ase_puts_it() -> None:
    text = '1\nProperties=species:S:1:pos:R:3 energy=-1.5 gap=2.0 pbc="F F F"\nH 0 0 0\n'
    entries = entries_of(read(io.StringIO(text), index=":", format="extxyz"), "file")
    assert targets(entries, "energy - gap").tolist() == [-3.5]


def test_nested_data_is_reached_with_dots() -> None:
    assert lookup(entry(data={"relaxed": {"energy": 4}}), "relaxed.energy") == 4.0


@pytest.mark.parametrize("value", ["3.5", True, [1.0, 2.0], None, np.array([1.0, 2.0])])
def test_what_is_no_number_is_not_a_target(value: object) -> None:
    assert lookup(entry(info={"a": value}), "a") is None


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3), np.int64(3), np.array(3.0), np.array([3.0])])
def test_what_is_a_number(value: object) -> None:
    assert lookup(entry(info={"a": value}), "a") == 3.0


def test_a_key_that_looks_like_an_expression_is_still_a_key() -> None:
    assert targets([entry(info={"E-ads": 1.0, "E": 5.0, "ads": 2.0})], "E-ads").tolist() == [1.0]


def test_a_structure_that_lacks_a_key_has_no_target() -> None:
    have = [entry(info={"a": 1.0, "b": 2.0}), entry(info={"a": 1.0})]
    assert np.isnan(targets(have, "a + b")).tolist() == [False, True]


def test_a_missing_key_lists_all_keys_with_counts_and_ranges() -> None:
    have = [entry(info={"E_ads": -1.0, "metal": "Pt"}), entry(info={"E_ads": 2.0, "spin": np.nan})]
    with pytest.raises(DataError) as caught:
        targets(have, "E_adss")
    assert "none of the 2 structures has a number under the key 'E_adss'" in caught.value.what
    assert "E_ads: 2 numbers, -1 … 2" in caught.value.why
    assert "metal: 1 texts, 1 different" in caught.value.why
    assert "spin: 1 numbers, no finite value, 1 not finite" in caught.value.why
    assert "did you mean 'E_ads'" in caught.value.fix


def test_a_key_of_an_expression_that_nobody_has_is_named() -> None:
    with pytest.raises(DataError, match=r"key 'c' \(needed by 'a - c'\)"):
        targets([entry(info={"a": 1.0})], "a - c")


def test_the_table_counts_a_key_once_per_structure() -> None:
    both = entry(info={"energy": 1.0}, calculator={"energy": 1.0})
    assert key_table([both, both]) == {"energy": "2 numbers, 1 … 1"}
