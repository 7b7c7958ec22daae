from __future__ import annotations

import torch

from perch.model.cgconv import CgConvNet
from perch.model.flat import FlatData
from perch.training.tensors import graph_features

CONFIG = {"atom_embedding_size": 5, "num_graph_conv_layers": 1, "fc_feat_size": 4, "num_fc_layers": 1}


def test_it_is_pygs_operator_on_the_real_bonds_alone(random_graphs):
    """x + BN(sum_j sigmoid(z W_f + b_f) * softplus(z W_s + b_s)), z = [x_i, x_j, e_ij]: PyG's documentation of CGConv."""
    graphs = random_graphs(0)
    data = FlatData(graphs, graph_features(graphs, "cgcnn"), "mean", torch.device("cpu"))
    torch.manual_seed(0)
    model = CgConvNet(CONFIG, atom_features=data.atom_features, bond_features=data.bond_features)
    batch = data.batch(torch.arange(len(data)))
    conv = model.convolutions[0]
    x = model.embedding(torch.tensor(graph_features(graphs, "cgcnn")))
    total = torch.zeros_like(x)
    for i in range(len(graphs.numbers)):
        for m in range(graphs.mask.shape[1]):
            if graphs.mask[i, m]:
                u = torch.exp(-(((graphs.distances[i, m] - torch.arange(26) * 0.2) / 0.2) ** 2))
                z = torch.cat([x[i], x[graphs.neighbors[i, m]], u])
                total[i] += torch.sigmoid(conv.lin_f(z)) * torch.nn.functional.softplus(conv.lin_s(z))
    mean, variance = total.mean(0), total.var(0, unbiased=False)
    wanted = x + (total - mean) / torch.sqrt(
        variance + conv.bn.module.eps if hasattr(conv.bn, "module") else variance + 1e-5
    )
    torch.testing.assert_close(model.embed(batch), wanted, rtol=1e-4, atol=1e-4)
