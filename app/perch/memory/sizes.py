"""Atoms and bonds of a data set's structures, at any cutoff and number of neighbours, and what a batch of them holds at most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from perch.data.graphs.graph import Graphs, Split
from perch.data.graphs.neighbors import TIE_ANGSTROM
from perch.model.flat import gaussian_centers

Counts = npt.NDArray[np.int64]

DEVIATIONS: Final = 5.0
"""A batch is a random choice of structures: the largest of a training lies no further above the mean than so many standard
deviations of such a sum (one sum in three million does, were they normal)."""
CUTOFF_STEP_ANGSTROM: Final = 0.1
"""Bonds are counted at cutoffs rounded up to this."""
PART_ATOMS: Final = 200_000


@dataclass(frozen=True)
class Load:
    """What a batch holds: structures, their atoms, their bonds, and Gaussians per bond."""

    graphs: int
    atoms: int
    bonds: int
    gaussians: int


class Sizes:
    """Atoms (G,) and bonds (G,) of each structure. ``graphs`` were made with the largest cutoff and number of neighbours
    that are asked about; smaller ones are counted from their distances.
    """

    def __init__(self, graphs: Graphs, splits: tuple[Split, ...]) -> None:
        self._graphs, self.folds = graphs, len(splits)
        self.atoms: Counts = np.diff(graphs.start)
        self.train_rows: Counts = max((split.train for split in splits), key=len)
        rows = [np.concatenate([s.validation, s.test, *s.tests.values()]) for s in splits]
        self.evaluated_rows: Counts = max(rows, key=len)
        self._bonds: dict[tuple[float, int], Counts] = {}
        self._sums: dict[tuple[Any, ...], int] = {}

    def __len__(self) -> int:
        return len(self.atoms)

    def limits(self, config: Mapping[str, Any]) -> tuple[float, int]:
        """Cutoff in angstrom and number of neighbours of a complete configuration."""
        cutoff, most = config["cutoff_angstrom"], config["max_neighbors"]
        own = self._graphs
        return (own.cutoff_angstrom if cutoff is None else cutoff, own.max_neighbors if most is None else most)

    def bonds(self, config: Mapping[str, Any]) -> Counts:
        """Bonds of each structure (G,) in the graphs of a complete configuration."""
        cutoff, most = self.limits(config)
        if (cutoff, most) != (self._graphs.cutoff_angstrom, self._graphs.max_neighbors):
            cutoff = float(np.ceil(cutoff / CUTOFF_STEP_ANGSTROM - 1e-9) * CUTOFF_STEP_ANGSTROM)
        if (cutoff, most) not in self._bonds:
            self._bonds[(cutoff, most)] = self._count(cutoff, most)
        return self._bonds[(cutoff, most)]

    def training(self, config: Mapping[str, Any]) -> Load:
        """The largest batch that a training meets."""
        return self._largest(config, "training", self.train_rows, largest_batch(config))

    def evaluation(self, config: Mapping[str, Any], most_bytes: int) -> Load:
        """The largest batch of the evaluation: structures whose bonds fit into ``most_bytes`` for one convolution."""
        each = (
            self._once(("largest",), config, lambda bonds: int(bonds.max()))
            * (2 * config["atom_embedding_size"] + self.gaussians(config))
            * 4
        )
        return self._largest(config, "evaluation", self.evaluated_rows, max(int(most_bytes / max(each, 1.0)), 1))

    def total(self, config: Mapping[str, Any]) -> int:
        """Bonds of all structures."""
        return self._once(("all",), config, lambda bonds: int(bonds.sum()))

    def evaluated(self, config: Mapping[str, Any]) -> tuple[int, int]:
        """Atoms and bonds of the structures that are evaluated."""
        rows = self.evaluated_rows
        return int(self.atoms[rows].sum()), self._once(("evaluated",), config, lambda bonds: int(bonds[rows].sum()))

    def gaussians(self, config: Mapping[str, Any]) -> int:
        """Numbers per bond."""
        return gaussian_centers(self.limits(config)[0])

    def _largest(self, config: Mapping[str, Any], use: str, rows: Counts, size: int) -> Load:
        size = min(size, len(rows))
        bonds = self._once((use, size), config, lambda bonds: largest_sum(bonds[rows], size))
        atoms = self._once((use, size, "atoms"), config, lambda _bonds: largest_sum(self.atoms[rows], size))
        return Load(size, atoms, bonds, self.gaussians(config))

    def _once(self, name: tuple[Any, ...], config: Mapping[str, Any], sum_of: Callable[[Counts], int]) -> int:
        """A sum over structures, kept: many configurations have the same graphs and batches."""
        key = (*name, self.limits(config))
        if key not in self._sums:
            self._sums[key] = sum_of(self.bonds(config))
        return self._sums[key]

    def _count(self, cutoff_angstrom: float, most: int) -> Counts:
        """Bonds of each structure, by the rule of ``perch.data.graphs.neighbors.shells``."""
        graphs, counted = self._graphs, []
        for begin in range(0, len(graphs.distances), PART_ATOMS):
            part = slice(begin, begin + PART_ATOMS)
            distances = graphs.distances[part]
            kept = graphs.mask[part] & (distances <= cutoff_angstrom + TIE_ANGSTROM)
            gaps = np.diff(distances, axis=1, prepend=0.0) > TIE_ANGSTROM
            gaps[:, :most] = False
            counted.append((kept & ~np.logical_or.accumulate(gaps, axis=1)).sum(1))
        of_atoms = np.concatenate([[0], np.cumsum(np.concatenate(counted))])
        return np.diff(of_atoms[graphs.start])


def largest_batch(config: Mapping[str, Any]) -> int:
    """Structures of the largest batch of a training; a schedule may change the number from epoch to epoch."""
    schedule = config["lr_schedule"]
    planned = schedule.get("batch_size", ()) if isinstance(schedule, Mapping) else ()
    return max(planned, default=int(config["batch_size"]))


def largest_sum(values: Counts, size: int) -> int:
    """What a random choice of ``size`` of these values, without repetition, adds up to at most."""
    count = len(values)
    if size >= count:
        return int(values.sum())
    usual = size * float(values.mean())
    spread = float(values.std()) * np.sqrt(size * (count - size) / max(count - 1, 1))
    top = int(np.partition(values, count - size)[count - size :].sum())
    return min(int(np.ceil(usual + DEVIATIONS * spread)), top)
