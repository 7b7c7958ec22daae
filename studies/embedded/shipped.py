"""The embedded set as it is shipped, and where its systems began."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
from adsorbate import with_adsorbate
from ase import Atoms
from ase.geometry import find_mic
from ase.io import read
from sites import Site, alike, environment

EMBEDDED = Path(__file__).resolve().parents[2] / "app" / "perch" / "data" / "embedded" / "adsorption.extxyz.gz"


def embedded() -> list[Atoms]:
    """All systems, in the order of the file."""
    return list(read(io.StringIO(gzip.decompress(EMBEDDED.read_bytes()).decode()), index=":", format="extxyz"))


def slab_before(given: Atoms) -> Atoms:
    """The clean slab that a system began with."""
    slab = given[given.get_tags() > 0]
    slab.positions = slab.arrays["initial_positions"]
    return slab


def adsorbate_before(given: Atoms) -> Atoms:
    """The adsorbate where it began."""
    added = given[given.get_tags() == 0]
    return Atoms(added.symbols, positions=added.arrays["initial_positions"])


def apart(one: Atoms, other: Atoms) -> float:
    """How far the atom that moved most is from its place in the other structure, in angstrom, across cell borders.

    Cells may differ a little, as lattice constants do; of two unlike structures it is infinite.
    """
    if list(one.symbols) != list(other.symbols):
        return float("inf")
    return float(find_mic(one.positions - other.positions, one.cell, True)[1].max())


def same_start(clean: Atoms, given: Atoms) -> Atoms:
    """Our clean slab, with the adsorbate exactly where the shipped system has it before relaxation."""
    return with_adsorbate(clean, adsorbate_before(given))


def same_site(clean: Atoms, given: Atoms, listed: list[Site]) -> Site | None:
    """The listed site that has the same label and the same surroundings as the shipped system's start."""
    began = adsorbate_before(given).positions[0]
    for site in listed:
        below = np.array([began[0], began[1], site.position[2]])
        if site.label == given.info["site"] and alike(environment(clean, below), environment(clean, site.position)):
            return site
    return None
