"""A data set as flat tensors on one device: a batch is an index into them, and no structure is a Python object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from perch.data.graph import Graphs
from perch.errors import DataError

GAUSSIAN_STEP_ANGSTROM = 0.2
"""Spacing and width of the distance expansion, as in the CGCNN paper's code."""
SMALLEST_FEATURE = 1e-12
"""Smaller Gaussians are zero: they carry nothing, and float32 denormals among them slow every operation on a CPU."""
POOLINGS = ("mean", "adsorbate", "surface")


@dataclass(frozen=True)
class Batch:
    """G graphs of N atoms in all, M places for neighbours each.

    ``kinds`` (N,) rows of the table ``features`` (K, D); ``neighbors`` (N, M) indices into the N atoms; ``bonds``
    (N*M, B) Gaussian-expanded distances; ``mask`` (N, M) True where there is a neighbour, None when all are there;
    ``graph`` (N,) the graph of each atom; ``weights`` (N, 1) each atom's share in its graph's pooled vector.
    """

    features: Tensor
    kinds: Tensor
    neighbors: Tensor
    bonds: Tensor
    mask: Tensor | None
    graph: Tensor
    weights: Tensor
    graphs: int

    def pool(self, x: Tensor) -> Tensor:
        """Weighted mean of the atoms' vectors (N, F) in each graph: (G, F)."""
        return x.new_zeros(self.graphs, x.shape[1]).index_add_(0, self.graph, x * self.weights.to(x.dtype))


def gaussian_centers(cutoff_angstrom: float) -> int:
    """Number of Gaussians from 0 to the cutoff."""
    return int(round(cutoff_angstrom / GAUSSIAN_STEP_ANGSTROM, 6)) + 1


def expand(distances: Tensor, cutoff_angstrom: float) -> Tensor:
    """Gaussian expansion exp(-((d - mu)/step)^2) of distances in angstrom: a new last axis of ``gaussian_centers``."""
    centers = torch.arange(gaussian_centers(cutoff_angstrom), device=distances.device) * GAUSSIAN_STEP_ANGSTROM
    scaled = (distances.unsqueeze(-1) - centers.to(distances.dtype)) / GAUSSIAN_STEP_ANGSTROM
    features = scaled.square_().neg_().exp_()
    return torch.where(features < SMALLEST_FEATURE, 0.0, features)


class FlatData:
    """A data set's graphs as tensors; ``batch(rows)`` gathers some of them without a loop."""

    def __init__(self, graphs: Graphs, features: np.ndarray, pooling: str, device: torch.device) -> None:
        """Move graphs (and ``features`` (A, D), one row per atom) to the device."""
        table, kinds = np.unique(features, axis=0, return_inverse=True)
        sizes = np.diff(graphs.start)
        owner = np.repeat(np.arange(len(graphs)), sizes)
        to = {"device": device}
        self.device, self.cutoff_angstrom = device, graphs.cutoff_angstrom
        self.features = torch.as_tensor(table, dtype=torch.float32, **to)
        self.kinds = torch.as_tensor(kinds.reshape(-1), dtype=torch.int64, **to)
        self.start = torch.as_tensor(graphs.start[:-1], dtype=torch.int64, **to)
        self.sizes = torch.as_tensor(sizes, dtype=torch.int64, **to)
        local = graphs.neighbors - graphs.start[owner][:, None]
        self.neighbors = torch.as_tensor(local, dtype=torch.int32, **to)
        self.distances = torch.as_tensor(graphs.distances, dtype=torch.float32, **to)
        self.mask = None if bool(graphs.mask.all()) else torch.as_tensor(graphs.mask, **to)
        self.weights = torch.as_tensor(pooling_weights(graphs, pooling), dtype=torch.float32, **to)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def atom_features(self) -> int:
        """Numbers per atom."""
        return int(self.features.shape[1])

    @property
    def bond_features(self) -> int:
        """Numbers per bond."""
        return gaussian_centers(self.cutoff_angstrom)

    def batch(self, rows: Tensor) -> Batch:
        """The graphs of these rows (G,), atoms renumbered from 0."""
        sizes = self.sizes[rows]
        ends = sizes.cumsum(0)
        graph = torch.repeat_interleave(torch.arange(len(rows), device=self.device), sizes)
        first = ends - sizes
        atoms = torch.arange(len(graph), device=self.device) + (self.start[rows] - first)[graph]
        neighbors = self.neighbors[atoms].long() + first[graph].unsqueeze(1)
        distances = self.distances[atoms]
        return Batch(
            features=self.features,
            kinds=self.kinds[atoms],
            neighbors=neighbors,
            bonds=expand(distances.view(-1), self.cutoff_angstrom),
            mask=None if self.mask is None else self.mask[atoms],
            graph=graph,
            weights=self.weights[atoms],
            graphs=len(rows),
        )


def pooling_weights(graphs: Graphs, pooling: str) -> np.ndarray:
    """Each atom's share in its graph's mean (A, 1): over all atoms, the adsorbate's, or the adsorbate's and top layer's.

    Raises DataError when a structure has no such atom.
    """
    count = len(graphs.numbers)
    chosen = {
        "mean": np.ones(count, dtype=bool),
        "adsorbate": graphs.adsorbate,
        "surface": graphs.adsorbate | graphs.surface,
    }[pooling]
    owner = np.repeat(np.arange(len(graphs)), np.diff(graphs.start))
    per_graph = np.bincount(owner[chosen], minlength=len(graphs))
    if (per_graph == 0).any():
        raise DataError(
            f"pooling '{pooling}' needs atoms that {int((per_graph == 0).sum())} structures do not mark",
            why=f"structure {int(np.argmin(per_graph))} has no atom marked as {pooling}",
            fix="say which atoms they are with data.adsorbate, or search over pooling: mean alone",
        )
    return (chosen / per_graph[owner]).astype(np.float32)[:, None]
