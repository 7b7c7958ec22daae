"""A data set as flat tensors on one device: a batch is an index into them, and no structure is a Python object."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from perch.data.graphs.graph import Graphs
from perch.errors import DataError
from perch.model.batch import Batch

GAUSSIAN_STEP_ANGSTROM = 0.2
"""Spacing and width of the distance expansion, as in the CGCNN paper's code."""
SMALLEST_FEATURE = 1e-12
"""Smaller Gaussians are zero: they carry nothing, and float32 denormals among them slow every operation on a CPU."""
KEPT_EXPANSION_BYTES = 256 * 2**20
"""Expanded distances are kept for the whole data set up to this size, and made batch by batch beyond it."""


def gaussian_centers(cutoff_angstrom: float) -> int:
    """Number of Gaussians from 0 to the cutoff."""
    return int(round(cutoff_angstrom / GAUSSIAN_STEP_ANGSTROM, 6)) + 1


def expand(distances: Tensor, cutoff_angstrom: float) -> Tensor:
    """Gaussian expansion exp(-((d - mu)/step)^2) of distances in angstrom: a new last axis of ``gaussian_centers``."""
    centers = torch.arange(gaussian_centers(cutoff_angstrom), device=distances.device) * GAUSSIAN_STEP_ANGSTROM
    scaled = (distances.unsqueeze(-1) - centers.to(distances.dtype)) / GAUSSIAN_STEP_ANGSTROM
    features = scaled.square_().neg_().exp_()
    return torch.where(features < SMALLEST_FEATURE, 0.0, features)


Arrays = Mapping[str, npt.NDArray[Any]]


def flat_arrays(graphs: Graphs, features: np.ndarray) -> dict[str, npt.NDArray[Any]]:
    """What the tensors of a data set hold, by their names; ``features`` (A, D), one row per atom.

    Padded places of the neighbour lists are dropped here, once: lists with whole shells are up to 40 % padding.
    """
    table, kinds = np.unique(features, axis=0, return_inverse=True)
    receivers, places = np.nonzero(graphs.mask)
    senders = graphs.neighbors[receivers, places]
    owner = np.repeat(np.arange(len(graphs)), np.diff(graphs.start))
    bonds_start = np.searchsorted(receivers, graphs.start)
    by_sender = np.lexsort((senders, owner[receivers]))
    first_atom, first_bond = graphs.start[owner[receivers]], bonds_start[owner[receivers]]
    count = len(graphs.numbers)
    found = {
        "features": (table, np.float32), "kinds": (kinds.reshape(-1), np.int32),
        "atoms_start": (graphs.start, np.int64), "bonds_start": (bonds_start, np.int64),
        "receivers": (receivers - first_atom, np.int32), "senders": (senders - first_atom, np.int32),
        "by_sender": (by_sender - first_bond, np.int32),
        "received": (np.bincount(receivers, minlength=count), np.int32),
        "sent": (np.bincount(senders, minlength=count), np.int32),
        "distances": (graphs.distances[receivers, places], np.float32),
    }  # fmt: skip
    return {name: np.ascontiguousarray(values, dtype=dtype) for name, (values, dtype) in found.items()}


def keeps_expanded(bonds: int, cutoff_angstrom: float) -> bool:
    """True where the expanded distances of so many bonds are kept as a whole."""
    return bonds * gaussian_centers(cutoff_angstrom) * 4 <= KEPT_EXPANSION_BYTES


class FlatData:
    """A data set's graphs as tensors; ``batch(rows)`` gathers some of them without a loop."""

    def __init__(self, graphs: Graphs, features: np.ndarray, pooling: str, device: torch.device) -> None:
        """Move graphs (and ``features`` (A, D), one row per atom) to the device."""
        weights = pooling_weights(graphs, pooling)
        self._take({**flat_arrays(graphs, features), "weights": weights}, graphs.cutoff_angstrom, pooling, device)

    @classmethod
    def of(cls, arrays: Arrays, cutoff_angstrom: float, pooling: str, device: torch.device) -> FlatData:
        """The data set of ``flat_arrays``, with ``weights`` (``pooling_weights``) and, for a CPU, ``expanded`` distances among them.

        On a CPU the tensors share the arrays' memory: mapped from files, processes of one node have one copy.
        """
        made = cls.__new__(cls)
        made._take(arrays, cutoff_angstrom, pooling, device)
        return made

    def _take(self, arrays: Arrays, cutoff_angstrom: float, pooling: str, device: torch.device) -> None:
        tensors = {name: torch.from_numpy(values).to(device) for name, values in arrays.items()}
        self.device, self.cutoff_angstrom, self.pooling = device, cutoff_angstrom, pooling
        self.features, self.kinds = tensors["features"], tensors["kinds"]
        self.atoms_of, self.bonds_of = _Ranges(tensors["atoms_start"]), _Ranges(tensors["bonds_start"])
        self.receivers, self.senders, self.by_sender = tensors["receivers"], tensors["senders"], tensors["by_sender"]
        self.received, self.sent, self.distances = tensors["received"], tensors["sent"], tensors["distances"]
        self.weights = tensors["weights"]
        self.expanded = tensors.get("expanded")
        if self.expanded is None and keeps_expanded(len(self.distances), cutoff_angstrom):
            self.expanded = expand(self.distances, cutoff_angstrom)

    def __len__(self) -> int:
        return len(self.atoms_of)

    @property
    def atom_features(self) -> int:
        """Numbers per atom."""
        return int(self.features.shape[1])

    @property
    def bond_features(self) -> int:
        """Numbers per bond."""
        return gaussian_centers(self.cutoff_angstrom)

    def pooled(self, graphs: Graphs, pooling: str) -> FlatData:
        """The same data set pooled otherwise: everything but the weights is shared. ``graphs``: those it was made of."""
        other = copy.copy(self)
        other.pooling = pooling
        other.weights = torch.from_numpy(pooling_weights(graphs, pooling)).to(self.device)
        return other

    def batch(self, rows: Tensor, on_host: Tensor | None = None) -> Batch:
        """The graphs of these rows (G,), atoms and bonds renumbered from 0.

        ``on_host``: the same rows on the CPU, where the caller has them: the sizes are then known without waiting for
        the device.
        """
        known_rows = rows.cpu() if on_host is None else on_host
        atoms, graph, first_atom = self.atoms_of.gather(rows, known_rows)
        bonds, owner, first_bond = self.bonds_of.gather(rows, known_rows)
        shift = first_atom.int()[owner]
        received, sent = self.received[atoms], self.sent[atoms]
        known = self.expanded
        return Batch(
            features=self.features,
            kinds=self.kinds[atoms],
            receivers=self.receivers[bonds] + shift,
            senders=self.senders[bonds] + shift,
            first_bond=(received.cumsum(0) - received).int(),
            by_sender=self.by_sender[bonds] + first_bond.int()[owner],
            first_sent=(sent.cumsum(0) - sent).int(),
            bonds=expand(self.distances[bonds], self.cutoff_angstrom)
            if known is None
            else known.index_select(0, bonds),
            graph=graph,
            weights=self.weights[atoms],
            graphs=len(rows),
        )


class _Ranges:
    """Consecutive things of each graph (its atoms, its bonds): ``start`` (G+1,)."""

    def __init__(self, start: Tensor) -> None:
        self.start, self.sizes = start[:-1], start.diff()
        self.sizes_on_host = self.sizes.cpu()

    def __len__(self) -> int:
        return len(self.start)

    def gather(self, rows: Tensor, on_host: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Indices of the things of these graphs, one graph after the other; each one's place in ``rows``; each graph's first.

        ``on_host``: the same rows on the CPU.
        """
        count = int(self.sizes_on_host[on_host].sum())
        sizes = self.sizes[rows]
        first = sizes.cumsum(0) - sizes
        owner = torch.repeat_interleave(sizes, output_size=count)
        indices = torch.arange(count, device=rows.device) + (self.start[rows] - first)[owner]
        return indices, owner, first


def pooling_weights(graphs: Graphs, pooling: str) -> np.ndarray:
    """Each atom's share in its graph's mean (A, 1): over all atoms, the adsorbate's, or the adsorbate's and top layer's.

    Raises DataError when a structure has no such atom.
    """
    chosen = {
        "mean": np.ones(len(graphs.numbers), dtype=bool),
        "adsorbate": graphs.adsorbate,
        "surface": graphs.adsorbate | graphs.surface,
    }[pooling]
    owner = np.repeat(np.arange(len(graphs)), np.diff(graphs.start))
    needed = graphs.surface if pooling == "surface" else chosen
    lacking = np.bincount(owner[needed], minlength=len(graphs)) == 0
    if lacking.any():
        raise DataError(
            f"pooling '{pooling}' needs atoms that {int(lacking.sum())} structures do not mark",
            why=f"structure {int(np.argmax(lacking))} has no atom marked as {pooling}",
            fix="say which atoms they are with data.adsorbate (tags mark the surface too), or search pooling: mean alone",
        )
    per_graph = np.bincount(owner[chosen], minlength=len(graphs))
    return (chosen / per_graph[owner]).astype(np.float32)[:, None]
