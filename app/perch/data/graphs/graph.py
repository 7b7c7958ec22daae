"""A data set as flat arrays: what the model trains on, with no Python object per structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.int64]
FloatArray: TypeAlias = npt.NDArray[np.float32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Graphs:
    """G structures of A atoms in all, each atom with M places for neighbours; short lists are padded and masked.

    Shapes: ``start`` (G+1,), atoms of structure g are ``start[g]:start[g+1]``; ``numbers`` (A,) atomic numbers;
    ``neighbors`` (A, M) indices into the A atoms (a padded place points to the atom itself); ``distances`` (A, M) in
    angstrom (a padded place holds the cutoff); ``mask`` (A, M) True where there is a neighbour; ``adsorbate``,
    ``surface`` and ``fixed`` (A,) flags, all False where the data do not say (``surface``: the slab's top layer);
    ``target_ev`` (G,) in eV, NaN where it is unknown.
    """

    start: IntArray
    numbers: IntArray
    neighbors: IntArray
    distances: FloatArray
    mask: BoolArray
    adsorbate: BoolArray
    surface: BoolArray
    fixed: BoolArray
    target_ev: npt.NDArray[np.float64]
    cutoff_angstrom: float
    max_neighbors: int

    def __len__(self) -> int:
        return len(self.start) - 1


@dataclass(frozen=True)
class Split:
    """Rows of a data set by use; ``tests`` holds further named test sets beside ``test``."""

    train: IntArray
    validation: IntArray
    test: IntArray
    tests: dict[str, IntArray]
