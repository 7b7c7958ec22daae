"""Structures → graphs, on all cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from perch.data.graphs.graph import Graphs
from perch.data.graphs.neighbors import NeighborLists, neighbor_lists
from perch.data.reading.source import Progress, Structures

if TYPE_CHECKING:
    from ase import Atoms

_CHUNK_ATOMS = 4_000
"""Atoms per piece of work: large enough to vectorise over, small enough to show progress and to stay in the cache."""


def build(
    structures: Structures, cutoff_angstrom: float, max_neighbors: int, progress: Progress | None = None
) -> Graphs:
    """Graphs of all structures, in their order."""
    atoms = structures.atoms
    lists = all_lists(atoms, cutoff_angstrom, max_neighbors, progress)
    return Graphs(
        start=np.concatenate([[0], np.cumsum([len(a) for a in atoms])]).astype(np.int64),
        numbers=np.concatenate([a.numbers for a in atoms]).astype(np.int64),
        neighbors=lists.index,
        distances=lists.distance,
        mask=lists.mask,
        adsorbate=np.concatenate(structures.is_adsorbate),
        surface=np.concatenate(structures.is_surface),
        fixed=np.concatenate([fixed_atoms(a) for a in atoms]),
        target_ev=np.asarray(structures.target_ev, dtype=np.float64),
        cutoff_angstrom=cutoff_angstrom,
        max_neighbors=max_neighbors,
    )


def fixed_atoms(atoms: Atoms) -> npt.NDArray[np.bool_]:
    """Which atoms did not move in the relaxation: an array ``fixed``, and ASE's constraint ``FixAtoms``."""
    flag = np.zeros(len(atoms), dtype=bool)
    if "fixed" in atoms.arrays and atoms.arrays["fixed"].ndim == 1:
        flag |= atoms.arrays["fixed"].astype(bool)
    for constraint in atoms.constraints:
        if type(constraint).__name__ == "FixAtoms":
            flag[constraint.index] = True
    return flag


def all_lists(
    atoms: Sequence[Atoms], cutoff_angstrom: float, max_neighbors: int, progress: Progress | None = None
) -> NeighborLists:
    """Neighbour lists of all structures, pieces of them on every core (the search leaves Python, so threads do)."""
    chunks = _chunks(atoms)
    done, parts = 0, []
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        work = pool.map(lambda chunk: neighbor_lists(chunk, cutoff_angstrom, max_neighbors), chunks)
        for chunk, lists in zip(chunks, work, strict=True):
            parts.append(lists)
            done += len(chunk)
            if progress:
                progress("building graphs", done, len(atoms))
    return _joined(parts, cutoff_angstrom)


def _chunks(atoms: Sequence[Atoms]) -> list[Sequence[Atoms]]:
    chunks: list[Sequence[Atoms]] = []
    begin = size = 0
    for row, structure in enumerate(atoms):
        size += len(structure)
        if size >= _CHUNK_ATOMS:
            chunks.append(atoms[begin : row + 1])
            begin, size = row + 1, 0
    if begin < len(atoms):
        chunks.append(atoms[begin:])
    return chunks


def _joined(parts: Sequence[NeighborLists], cutoff_angstrom: float) -> NeighborLists:
    """One table of lists from several, all padded to the longest."""
    total = sum(len(p.index) for p in parts)
    width = max(p.index.shape[1] for p in parts)
    index = np.repeat(np.arange(total, dtype=np.int64)[:, None], width, axis=1)
    distance = np.full((total, width), cutoff_angstrom, dtype=np.float32)
    mask = np.zeros((total, width), dtype=bool)
    first = 0
    for part in parts:
        rows, columns = slice(first, first + len(part.index)), slice(0, part.index.shape[1])
        index[rows, columns] = part.index + first
        distance[rows, columns] = part.distance
        mask[rows, columns] = part.mask
        first += len(part.index)
    return NeighborLists(index, distance, mask)
