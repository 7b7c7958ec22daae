"""The same network with PyTorch Geometric's ``CGConv``: no normalisation on edges, and no softplus after the residual."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from perch.model import MODELS
from perch.model.batch import Batch
from perch.model.head import Head


class CgConvNet(nn.Module):
    """Embedding, ``CGConv`` layers with batch normalisation of the sum, pooling, plain layers."""

    def __init__(self, config: Mapping[str, Any], *, atom_features: int, bond_features: int) -> None:
        super().__init__()
        cg_conv, width = cg_conv_class(), config["atom_embedding_size"]
        self.embedding = nn.Linear(atom_features, width)
        self.convolutions = nn.ModuleList(
            cg_conv(width, dim=bond_features, aggr="add", batch_norm=True)
            for _ in range(config["num_graph_conv_layers"])
        )
        self.head = Head(width, config["fc_feat_size"], config["num_fc_layers"])

    def embed(self, batch: Batch) -> Tensor:
        """Atoms' vectors (N, F) after the last convolution."""
        x: Tensor = self.embedding(batch.features).index_select(0, batch.kinds)
        edges = torch.stack([batch.senders, batch.receivers]).long()
        for convolution in self.convolutions:
            x = convolution(x, edges, batch.bonds)
        return x

    def forward(self, batch: Batch) -> Tensor:
        """Normalised energies (G,)."""
        energy: Tensor = self.head(self.embed(batch), batch)
        return energy


def cg_conv_class() -> Any:
    """PyTorch Geometric's operator; imported when it is used, since that takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it scripts functions at import, which torch deprecates
        from torch_geometric.nn import CGConv
    return CGConv


MODELS.register("cgconv", CgConvNet)
