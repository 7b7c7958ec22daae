"""The CGCNN paper's 92 numbers, and tables of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from perch.data.graphs.features import atom_features, feature_table
from perch.errors import DataError


def test_ninety_two_numbers_of_zeros_and_ones() -> None:
    features = atom_features([1, 8, 78])
    assert features.shape == (3, 92)
    assert features.dtype == np.float32
    assert set(np.unique(features)) == {0.0, 1.0}


def test_the_first_hundred_elements_are_known_and_told_apart() -> None:
    table, known = feature_table()
    assert np.flatnonzero(known).tolist() == list(range(1, 101))
    transition_metals = table[[*range(21, 31), *range(39, 49), *range(72, 81)]]
    assert len(np.unique(transition_metals, axis=0)) == len(transition_metals)


def test_a_column_of_the_periodic_table_shares_its_group() -> None:
    """The first nineteen numbers are the group: copper, silver and gold agree there, and platinum does not."""
    group = atom_features([29, 47, 79, 78])[:, :19]
    assert group.sum(1).tolist() == [1, 1, 1, 1]
    assert (group[0] == group[1]).all()
    assert (group[0] == group[2]).all()
    assert (group[0] != group[3]).any()


@pytest.mark.parametrize("numbers", [[0], [101], [-3], [1, 119]])
def test_an_element_without_features_is_refused(numbers: list[int]) -> None:
    with pytest.raises(DataError, match="no atom features for element"):
        atom_features(numbers)


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "atom_init.json"
    path.write_text(json.dumps({"1": [1, 0.5], "29": [0, 2]}))
    assert atom_features([29, 1, 29], path).tolist() == [[0, 2], [1, 0.5], [0, 2]]
    with pytest.raises(DataError, match="no atom features for element 8") as caught:
        atom_features([1, 8], path)
    assert "covers atomic numbers 1, 29" in caught.value.why


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"H": [1]}', '{"1": [1], "2": [1, 2]}', '{"1": []}', '{"1": ["x"]}', '{"1": [NaN]}', "{}"]
)
def test_a_table_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "atom_init.json"
    path.write_text(text)
    with pytest.raises(DataError, match="atom features"):
        atom_features([1], path)
