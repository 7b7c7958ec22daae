"""Who is near whom: periodic neighbour lists, cut at ``max_neighbors`` but never inside a shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ase import Atoms

TIE_ANGSTROM: Final = 0.01
"""Neighbours whose distances follow each other more closely than this belong to one shell.

Cut inside a shell, a list would hold some of several equal atoms, picked by rounding: the graph of a structure and
of its rotated copy would differ. So a list ends at the first gap wider than this, and a neighbour beyond the cutoff
by no more than this still counts as within it.
"""


@dataclass(frozen=True)
class NeighborLists:
    """Lists of A atoms, each M long: ``index`` (A, M) of the neighbour, ``distance`` (A, M) in angstrom, nearest first,
    ``mask`` (A, M) True where there is a neighbour. A padded place holds the atom itself and the cutoff.
    """

    index: npt.NDArray[np.int64]
    distance: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]


def pairs(
    atoms: Atoms, cutoff_angstrom: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """All ordered pairs (i, j) of one structure within the cutoff, periodic images included, and their distances.

    An atom and its own image are a pair; an atom and itself are not. Directions without periodicity have no images,
    whatever the cell says there.
    """
    from vesin import NeighborList

    finder = NeighborList(cutoff=cutoff_angstrom, full_list=True, n_threads=1)
    periodic = np.asarray(atoms.pbc, dtype=bool)
    box = np.asarray(atoms.cell.complete()) if periodic.any() else np.zeros((3, 3))
    positions = np.ascontiguousarray(atoms.get_positions(wrap=False))
    i, j, d = finder.compute(positions, box, periodic, "ijd")
    return i.astype(np.int64), j.astype(np.int64), d


def neighbor_lists(structures: Sequence[Atoms], cutoff_angstrom: float, max_neighbors: int) -> NeighborLists:
    """Neighbour lists of all atoms of the structures, one after the other; M is what the longest list needs."""
    found = [pairs(atoms, cutoff_angstrom + TIE_ANGSTROM) for atoms in structures]
    sizes = np.array([len(atoms) for atoms in structures], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(sizes)])
    i = np.concatenate([pair[0] + start for pair, start in zip(found, first[:-1], strict=True)])
    j = np.concatenate([pair[1] + start for pair, start in zip(found, first[:-1], strict=True)])
    d = np.concatenate([pair[2] for pair in found])
    return shells(i, j, d, int(first[-1]), cutoff_angstrom, max_neighbors)


def shells(
    i: npt.NDArray[np.int64],
    j: npt.NDArray[np.int64],
    d: npt.NDArray[np.float64],
    atoms: int,
    cutoff_angstrom: float,
    max_neighbors: int,
) -> NeighborLists:
    """Sort pairs into lists, and end each with the shell that its ``max_neighbors``-th neighbour lies in."""
    order = np.lexsort((d, i))
    i, j, d = i[order], j[order], d[order]
    degree = np.bincount(i, minlength=atoms)
    begin = np.concatenate([[0], np.cumsum(degree)[:-1]]).astype(np.int64)
    rank = np.arange(len(i)) - begin[i]
    gap = np.diff(d, prepend=0.0) > TIE_ANGSTROM
    ends = np.where((rank >= max_neighbors) & gap, rank, np.iinfo(np.int64).max)
    end = np.full(atoms, np.iinfo(np.int64).max)
    np.minimum.at(end, i, ends)
    keep = rank < end[i]
    i, j, d, rank = i[keep], j[keep], d[keep], rank[keep]
    width = int(rank.max()) + 1 if len(rank) else 1
    index = np.repeat(np.arange(atoms, dtype=np.int64)[:, None], width, axis=1)
    distance = np.full((atoms, width), cutoff_angstrom, dtype=np.float32)
    mask = np.zeros((atoms, width), dtype=bool)
    index[i, rank], distance[i, rank], mask[i, rank] = j, d, True
    return NeighborLists(index, distance, mask)
