"""CGCNN: Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018), eq. 5, with batch normalisation on edges and on the sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from perch.model import MODELS
from perch.model.batch import Batch
from perch.model.head import Head
from perch.model.messages import Links, messages


class Convolution(nn.Module):
    """v_i <- softplus(v_i + BN(sum_j sigmoid(BN(z W_f + b_f)) * softplus(BN(z W_s + b_s)))), z = [v_i, v_j, u_ij].

    ``linear`` holds W_f over W_s for z. It is applied in three parts, so that what depends on an atom alone is computed
    once per atom and not once per bond.
    """

    def __init__(self, width: int, bond_features: int) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(2 * width + bond_features, 2 * width)
        self.edge_norm = nn.BatchNorm1d(2 * width)
        self.sum_norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor, links: Links) -> Tensor:
        """Atoms (N, F) to atoms (N, F)."""
        w_self, w_sender, w_bond = self.linear.weight.tensor_split([self.width, 2 * self.width], dim=1)
        bias = torch.cat([self.linear.bias, torch.zeros_like(self.linear.bias)])
        projections = torch.addmm(bias, x, torch.cat([w_self, w_sender]).t())
        return softplus(x + self.sum_norm(messages(projections, w_bond, self.edge_norm, links)))


class Cgcnn(nn.Module):
    """Embedding, convolutions, pooling, plain layers."""

    def __init__(self, config: Mapping[str, Any], *, atom_features: int, bond_features: int) -> None:
        super().__init__()
        width = config["atom_embedding_size"]
        self.embedding = nn.Linear(atom_features, width)
        self.convolutions = nn.ModuleList(
            Convolution(width, bond_features) for _ in range(config["num_graph_conv_layers"])
        )
        self.head = Head(width, config["fc_feat_size"], config["num_fc_layers"])

    def embed(self, batch: Batch) -> Tensor:
        """Atoms' vectors (N, F) after the last convolution."""
        x: Tensor = self.embedding(batch.features).index_select(0, batch.kinds)
        links = Links.of(batch)
        for convolution in self.convolutions:
            x = convolution(x, links)
        return x

    def forward(self, batch: Batch) -> Tensor:
        """Normalised energies (G,)."""
        energy: Tensor = self.head(self.embed(batch), batch)
        return energy


MODELS.register("cgcnn", Cgcnn)
