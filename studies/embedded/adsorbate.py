"""Where an adsorbate starts on a slab, and whether it is still one adsorbate on it afterwards."""

from __future__ import annotations

import itertools

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.geometry import get_distances
from recipe import ADSORBATES
from sites import Site

LOWEST_ANGSTROM, STEP_ANGSTROM = 0.6, 0.02
"""An adsorbate starts this far above its site's atoms, and is lifted in such steps until no bond is too short."""
METAL_SHARE, OVERLAP_ANGSTROM = 0.95, 0.02
"""Shortest bond at the start: this share of the slab's mean covalent radius, plus the adsorbate's, less the overlap. Read off
the embedded set, whose 652 starts all obey it."""
LOOSEST_BOND = 1.4
"""A bond, in sums of covalent radii, is no longer than this. H in the fourfold hollows of aluminium reaches 1.36 in the
embedded set."""


def place(slab: Atoms, adsorbate: str, site: Site) -> Atoms:
    """The adsorbate upright on its site, at the lowest height at which its first atom's bonds are not too short."""
    parts = ADSORBATES[adsorbate]
    radius = covalent_radii[atomic_numbers[parts[0][0]]]
    shortest = METAL_SHARE * covalent_radii[slab.numbers].mean() + radius - OVERLAP_ANGSTROM
    for step in itertools.count():
        foot = site.position + np.array([0, 0, LOWEST_ANGSTROM + step * STEP_ANGSTROM])
        bonds = get_distances([foot], slab.positions, cell=slab.cell, pbc=True)[1]
        if bonds.min() >= shortest:
            break
    return with_adsorbate(slab, Atoms([s for s, _d in parts], positions=[foot + np.array(d) for _s, d in parts]))


def with_adsorbate(slab: Atoms, added: Atoms) -> Atoms:
    """Slab and adsorbate, the slab's atoms held as before; tag 0 for the adsorbate."""
    both = slab + added
    both.set_tags([*slab.get_tags(), *([0] * len(added))])
    both.info = {}
    return both


def whole(end: Atoms, adsorbate: str) -> bool:
    """Whether the adsorbate is in one piece and still bound to the slab."""
    first = len(end) - len(ADSORBATES[adsorbate])
    radii = covalent_radii[end.numbers]
    if len(ADSORBATES[adsorbate]) == 2 and end.get_distance(-2, -1, mic=True) > LOOSEST_BOND * (radii[-1] + radii[-2]):
        return False
    bonds = [end.get_distances(k, range(first), mic=True) / (radii[k] + radii[:first]) for k in range(first, len(end))]
    return bool(np.min(bonds) < LOOSEST_BOND)
