"""From atoms to one number per graph: pooling and plain layers, the same for every model."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import softplus

from perch.model.batch import Batch


class Head(nn.Module):
    """Pool, then ``layers`` hidden layers of ``width`` with softplus, then one number (the CGCNN paper's output part)."""

    def __init__(self, atom_width: int, width: int, layers: int) -> None:
        super().__init__()
        widths = [atom_width, *[width] * layers]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.out = nn.Linear(width, 1)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """Atoms (N, F) to normalised energies (G,)."""
        pooled = softplus(batch.pool(x))
        for layer in self.hidden:
            pooled = softplus(layer(pooled))
        energy: Tensor = self.out(pooled).squeeze(1)
        return energy
