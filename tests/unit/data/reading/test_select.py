"""Conditions on structures that lie in no database."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from perch.data.reading.select import selected
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
    ],
)
def test_conditions(select: str | None, ids: str) -> None:
    assert "".join(entry.id for entry in selected(ENTRIES, select)) == ids


@pytest.mark.parametrize("select", ["", "=3", "facet=", "facet=1,,adsorbate=O"])
def test_what_cannot_be_read(select: str) -> None:
    with pytest.raises(DataError, match=r"data\.select cannot be read"):
        selected(ENTRIES, select)
