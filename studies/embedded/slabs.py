"""Crystals and clean slabs before relaxation."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc100, fcc111, fcc211, surface
from ase.constraints import FixAtoms
from ase.data import atomic_numbers, reference_states
from recipe import Numbers

VACUUM_ANGSTROM = 13.0


def crystal(name: str, a: float) -> Atoms:
    """The fcc metal, or the L1₂ alloy A₃B with B at the corner."""
    if "3" not in name:
        return bulk(name, "fcc", a=a, cubic=True)
    major, minor = name.split("3")
    places = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    return Atoms([minor, major, major, major], scaled_positions=places, cell=[a, a, a], pbc=True)


def guess_lattice(name: str) -> float:
    """A lattice constant to start from, in angstrom: experiment, mixed by composition."""
    parts = name.split("3") if "3" in name else [name, name]
    return float(
        0.75 * reference_states[atomic_numbers[parts[0]]]["a"] + 0.25 * reference_states[atomic_numbers[parts[1]]]["a"]
    )


def bare_slab(metal: str, facet: str, a: float) -> Atoms:
    """The slab before relaxation: 3 layers (alloy (100): 4), 2 x 2 or the alloy's own cell, tags from the top."""
    if "3" in metal:
        miller, layers, repeat = ((1, 1, 1), 3, (1, 1, 1)) if facet == "111" else ((1, 0, 0), 2, (2, 1, 1))
        slab = surface(crystal(metal, a), miller, layers, periodic=True)
        slab.wrap(eps=1e-3)  # an atom at height -1e-16 would else be folded to the top of the cell
        slab = slab.repeat(repeat)
    else:
        build = {"111": fcc111, "100": fcc100, "211": fcc211}[facet]
        slab = build(metal, size=(3, 2, 3) if facet == "211" else (2, 2, 3), a=a, vacuum=1.0)
    slab.set_tags(layer_tags(slab))  # of our own: ASE's fcc211 sets none, and then nothing is held in place
    slab.center(vacuum=VACUUM_ANGSTROM / 2, axis=2)
    slab.pbc = True
    slab.set_constraint(FixAtoms(mask=fixed(slab, facet)))
    return slab


def fixed(slab: Atoms, facet: str) -> Numbers:
    """Which atoms are held: layers from the third down; on (211), where every row has a height of its own, rows from the
    fifth down.
    """
    return np.asarray(slab.get_tags() >= (5 if facet == "211" else 3))


def layer_tags(slab: Atoms) -> Numbers:
    """1 for the top layer, 2 and more below; atoms within 0.1 angstrom of the next one in height are one layer."""
    order = np.argsort(-slab.positions[:, 2], kind="stable")
    below = np.diff(slab.positions[order, 2]) < -0.1
    tags = np.empty(len(slab), dtype=int)
    tags[order] = 1 + np.concatenate([[0], np.cumsum(below)])
    return tags
