"""Conditions on structures that lie in no database."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from perch.data.reading.select import selected, tidied
from perch.data.reading.source import Entry
from perch.errors import DataError

ENTRIES = [
    Entry(Atoms("H"), name, (("info", info),))
    for name, info in {
        "a": {"facet": np.int64(111), "adsorbate": "O", "energy": -1.5},
        "b": {"facet": np.int64(100), "adsorbate": "OH", "energy": 0.5},
        "c": {"facet": np.int64(211), "adsorbate": "O"},
    }.items()
]


@pytest.mark.parametrize(
    ("select", "ids"),
    [
        (None, "abc"),
        ("adsorbate=O", "ac"),
        ("adsorbate!=O", "b"),
        ("facet=111", "a"),
        ("facet>100, facet<=211", "ac"),
        ("energy", "ab"),
        ("energy>=0", "b"),
        ("energy<-1", "a"),
        ("nothing=1", ""),
        ("nothing!=1", ""),
        ("  facet > 100 ,adsorbate = O ", "ac"),
        ("facet != 111", "bc"),
        ("adsorbate>=OH", "b"),
    ],
)
def test_conditions(select: str | None, ids: str) -> None:
    assert "".join(entry.id for entry in selected(ENTRIES, select)) == ids


@pytest.mark.parametrize("select", ["", "=3", "facet=", "facet=1,,adsorbate=O"])
def test_what_cannot_be_read(select: str) -> None:
    with pytest.raises(DataError, match=r"data\.select cannot be read"):
        selected(ENTRIES, select)


@pytest.mark.parametrize(
    ("select", "tidy"),
    [
        (None, None),
        ("id<10, kind = a", "id<10,kind=a"),
        (" id <= 10 , kind != a b ", "id<=10,kind!=a b"),
        ("1 < id < 10,Cu", "1<id<10,Cu"),
    ],
)
def test_spaces_around_commas_and_signs_go_and_those_within_values_stay(select: str | None, tidy: str | None) -> None:
    assert tidied(select) == tidy
