"""What cannot be trained on is refused; what looks wrong is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from perch.data.baselines import counts, ridge_r_squared
from perch.data.graphs.features import atom_features, feature_table
from perch.data.graphs.graph import Graphs
from perch.data.reading.adsorbate import listed
from perch.data.reading.source import Entry, Structures
from perch.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

    from perch.study import DataSpec

OVERLAP_ANGSTROM: Final = 0.3
"""Two atoms closer than this lie on top of each other: no bond is shorter than 0.74 Å."""
TINY_VOLUME: Final = 0.1
"""Volume of a cell, in cubic angstrom, below which it is called flat."""
HEAVIEST: Final = 118
"""Atomic number of oganesson."""
LINEAR_R_SQUARED: Final = 0.999
"""A target that atom counts explain to this share is a total energy, or as good as one."""


def refuse_targets(structures: Structures, spec: DataSpec) -> None:
    """Raise DataError for missing or constant targets, and for a single structure."""
    target = structures.target_ev
    missing = [name for name, value in zip(structures.ids, target, strict=True) if not np.isfinite(value)]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(target)} structures have no finite target: {listed(missing)}",
            why=f"data.target is '{spec.target or 'the default'}'; those lack a key, or hold NaN or infinity",
            fix="leave them out with data.select, or choose a target that all have (perch data inspect lists the keys)",
        )
    if len(target) < 2:
        raise DataError(
            "there is only one structure",
            why="nothing is left to validate on",
            fix="add structures, or loosen data.select",
        )
    if np.ptp(target) == 0:
        raise DataError(
            f"the target is {target[0]:g} eV for all {len(target)} structures",
            why="there is nothing to learn in a constant",
            fix="correct data.target or data.select",
        )


def refuse_structures(structures: Structures, origin: str = "") -> None:
    """Raise DataError for structures that no neighbour list can be made of; ``origin``: the file that they are from."""
    _refuse(structures.ids, [_fault(atoms) for atoms in structures.atoms], origin)


def refuse_numbers(entries: Sequence[Entry], origin: str = "") -> None:
    """Raise DataError for atomic numbers that are no element's: not even a formula can be made of those."""
    _refuse([entry.id for entry in entries], [_strange(entry.atoms) for entry in entries], origin)


def _refuse(ids: Sequence[str], faults: Sequence[str], origin: str) -> None:
    found: dict[str, list[str]] = {}
    for name, fault in zip(ids, faults, strict=True):
        if fault:
            found.setdefault(fault, []).append(name)
    for fault, names in found.items():
        raise DataError(
            f"{len(names)} of {len(ids)} structures {f'in {origin} ' if origin else ''}{fault}: {listed(names)}",
            why="no graph can be made of that",
            fix="correct those structures, or leave them out with data.select",
        )


def _strange(atoms: Atoms) -> str:
    strange = sorted({int(z) for z in atoms.numbers if not 1 <= z <= HEAVIEST})
    return f"hold atoms of an unknown element (atomic number {', '.join(map(str, strange))})" if strange else ""


def _fault(atoms: Atoms) -> str:
    """What is wrong with a structure; nothing for a sound one."""
    if not len(atoms):
        return "have no atoms"
    if not np.isfinite(atoms.positions).all() or not np.isfinite(np.asarray(atoms.cell)).all():
        return "have positions or cells that are not finite numbers"
    if strange := _strange(atoms):
        return strange
    cell, periodic = np.asarray(atoms.cell), np.asarray(atoms.pbc)
    if periodic.any() and (
        not cell[periodic].any(axis=1).all() or abs(np.linalg.det(atoms.cell.complete())) < TINY_VOLUME
    ):
        return "are periodic in a direction in which their cell has no extent"
    return ""


def refuse_elements(graphs: Graphs, ids: Sequence[str], features: str, origin: str = "") -> None:
    """Raise DataError for elements that the table of features lacks, with the structures that hold them."""
    try:
        atom_features(np.unique(graphs.numbers), features)
    except DataError as error:
        _table, known = feature_table(features)
        lacking = (graphs.numbers >= len(known)) | ~known[np.minimum(graphs.numbers, len(known) - 1)]
        owner = np.repeat(np.arange(len(graphs)), np.diff(graphs.start))
        names = [ids[k] for k in np.unique(owner[lacking])]
        where = f", in {len(names)} structures{f' of {origin}' if origin else ''}: {listed(names)}"
        raise DataError(error.what + where, why=error.why, fix=error.fix) from error


def refuse_graphs(graphs: Graphs, ids: tuple[str, ...]) -> None:
    """Raise DataError for atoms on top of each other and for positions that are no numbers."""
    owner = np.repeat(np.arange(len(graphs)), np.diff(graphs.start))
    close = (graphs.mask & ~(graphs.distances >= OVERLAP_ANGSTROM)).any(axis=1)
    if close.any():
        names = [ids[k] for k in np.unique(owner[close])]
        raise DataError(
            f"{len(names)} structures have atoms on top of each other: {listed(names)}",
            why=f"two atoms are closer than {OVERLAP_ANGSTROM} Å, or a position is not a number",
            fix="correct or leave out those structures; a wrong cell or periodicity does this too",
        )


def suspicions(graphs: Graphs, structures: Structures) -> list[str]:
    """Sentences about data that can be trained on, and perhaps should not."""
    found = []
    lonely = np.repeat(np.arange(len(graphs)), np.diff(graphs.start))[~graphs.mask.any(axis=1)]
    if len(lonely):
        names = [structures.ids[k] for k in np.unique(lonely)]
        found.append(
            f"{len(names)} structures have atoms without any neighbour within {graphs.cutoff_angstrom:g} Å: {listed(names)}"
        )
    atoms = counts(graphs)
    if len(graphs) > 3 * (atoms.shape[1] + 1):
        explained = ridge_r_squared(atoms, graphs.target_ev)
        if explained > LINEAR_R_SQUARED:
            found.append(
                f"counting atoms explains the target (R² {explained:.5f}): it looks like a total energy, "
                "and an adsorption energy is a difference of three"
            )
    return found
