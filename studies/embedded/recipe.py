"""What is in the embedded set: metals, alloys, adsorbates, and what their energies are counted from."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

Numbers = npt.NDArray[Any]

RECIPE = 3
"""Raise it when slabs, sites or starts change: what was relaxed by an older recipe is then made anew."""

METALS = ("Al", "Cu", "Rh", "Pd", "Ag", "Ir", "Pt", "Au")
STEPPED = ("Al", "Cu", "Rh", "Pd", "Ag", "Ir", "Pt")
ALLOYS = (
    *("Ag3Au", "Ag3Ir", "Ag3Pt", "Al3Ag", "Al3Cu", "Al3Rh", "Au3Ag", "Au3Pd"),
    *("Au3Pt", "Cu3Au", "Cu3Ir", "Cu3Rh", "Ir3Pt", "Pd3Al", "Pd3Pt", "Pt3Ir"),
)
ADSORBATES: dict[str, list[tuple[str, tuple[float, float, float]]]] = {
    "H": [("H", (0, 0, 0))],
    "C": [("C", (0, 0, 0))],
    "N": [("N", (0, 0, 0))],
    "O": [("O", (0, 0, 0))],
    "CO": [("C", (0, 0, 0)), ("O", (0, 0, 1.16))],
    "OH": [("O", (0, 0, 0)), ("H", (0.75, 0.2, 0.6))],
}
REFERENCES: dict[str, dict[str, float]] = {
    "H": {"H2": 0.5},
    "C": {"CH4": 1, "H2": -2},
    "N": {"N2": 0.5},
    "O": {"H2O": 1, "H2": -1},
    "CO": {"CO": 1},
    "OH": {"H2O": 1, "H2": -0.5},
}
"""What an adsorbate's energy is counted from: molecules and how many of each."""


def all_slabs() -> list[str]:
    """The 55 slabs, as in ``Pt-111``."""
    pure = [f"{m}-{f}" for m in METALS for f in ("100", "111", "211") if f != "211" or m in STEPPED]
    return pure + [f"{a}-{f}" for a in ALLOYS for f in ("100", "111")]
