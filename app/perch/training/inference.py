"""Energies and positions in feature space from a trained network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from perch.model.batch import Batch
from perch.model.flat import FlatData

EVALUATION_BYTES = 256 * 2**20
"""What one convolution may hold for the bonds of an evaluation batch."""


@dataclass
class Predictor:
    """A network with the normaliser of its training rows: energy = output * deviation_ev + mean_ev."""

    network: nn.Module
    width: int
    mean_ev: float
    deviation_ev: float

    def energies(self, batch: Batch) -> Tensor:
        """Energies in eV (G,), without gradients."""
        self.network.eval()
        with torch.inference_mode():
            return self.network(batch) * self.deviation_ev + self.mean_ev  # type: ignore[no-any-return]

    def predict(self, data: FlatData) -> Tensor:
        """Energies in eV of every graph of a data set (G,)."""
        rows = torch.arange(len(data))
        return torch.cat([self.energies(data.batch(part.to(data.device), part)) for part in self.parts(data, rows)])

    def embed(self, data: FlatData, rows: Tensor) -> Tensor:
        """Pooled vectors after the last convolution (G, F): where structures lie for the network."""
        self.network.eval()
        embed: Any = self.network.embed
        with torch.inference_mode():
            batches = (data.batch(part.to(data.device), part) for part in self.parts(data, rows.cpu()))
            return torch.cat([batch.pool(embed(batch)) for batch in batches])

    def parts(self, data: FlatData, rows: Tensor) -> Iterator[Tensor]:
        """Rows in parts whose bonds fit into ``EVALUATION_BYTES``."""
        bytes_per_graph = float(data.bonds_of.sizes_on_host.max()) * (2 * self.width + data.bond_features) * 4
        yield from torch.split(rows, max(int(EVALUATION_BYTES / max(bytes_per_graph, 1.0)), 1))
