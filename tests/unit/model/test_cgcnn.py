"""The fast network against the paper's equations, written out atom by atom and bond by bond."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase.build import add_adsorbate, bulk, fcc111
from torch.nn.functional import softplus

from perch.data.prepare import from_atoms
from perch.model import MODELS
from perch.model.cgcnn import Cgcnn
from perch.model.flat import FlatData
from perch.model.messages import Links, messages
from perch.study import AdsorbateSpec, DataSpec
from perch.training.tensors import graph_features

CONFIG = {"atom_embedding_size": 7, "num_graph_conv_layers": 3, "fc_feat_size": 9, "num_fc_layers": 2}
CPU = torch.device("cpu")
EPS, MOMENTUM = 1e-5, 0.1


def flat(graphs, pooling="mean"):
    return FlatData(graphs, graph_features(graphs, "cgcnn"), pooling, CPU)


def network(data, seed=0, double=True):
    torch.manual_seed(seed)
    made = Cgcnn(CONFIG, atom_features=data.atom_features, bond_features=data.bond_features)
    for name, parameter in made.named_parameters():  # no factor of one and no shift of zero, where mistakes would hide
        if "norm" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return made.double() if double else made


def double(batch):
    return replace(batch, features=batch.features.double(), bonds=batch.bonds.double(), weights=batch.weights.double())


def batch_norm(rows, norm, training, statistics):
    """Rows minus mean over deviation, times scale plus shift; records what the running statistics must become."""
    if training:
        mean = rows.sum(0) / len(rows)
        variance = ((rows - mean) ** 2).sum(0) / len(rows)
        unbiased = variance * len(rows) / (len(rows) - 1)
        statistics[norm] = tuple(
            ((1 - MOMENTUM) * old + MOMENTUM * new).detach()
            for old, new in ((norm.running_mean.clone(), mean), (norm.running_var.clone(), unbiased))
        )
    else:
        mean, variance = norm.running_mean, norm.running_var
    return (rows - mean) / torch.sqrt(variance + EPS) * norm.weight + norm.bias


def paper(model, graphs, training=True):
    """Xie and Grossman 2018, eq. 5: z_ij = v_i + v_j + u_ij joined; v_i + sum_j sigmoid(z W_f + b_f) * g(z W_s + b_s)."""
    statistics = {}
    features = torch.tensor(graph_features(graphs, "cgcnn")).double()
    v = features @ model.embedding.weight.T + model.embedding.bias
    bonds = [(i, m) for i in range(len(graphs.numbers)) for m in range(graphs.mask.shape[1]) if graphs.mask[i, m]]
    centers = torch.arange(0, 5.0 + 0.1, 0.2, dtype=torch.float64)
    u = {(i, m): torch.exp(-((float(graphs.distances[i, m]) - centers) ** 2) / 0.2**2) for i, m in bonds}
    for layer in model.convolutions:
        width = v.shape[1]
        z = torch.stack([torch.cat([v[i], v[int(graphs.neighbors[i, m])], u[i, m]]) for i, m in bonds])
        gated = batch_norm(z @ layer.linear.weight.T + layer.linear.bias, layer.edge_norm, training, statistics)
        message = torch.sigmoid(gated[:, :width]) * torch.log1p(torch.exp(gated[:, width:]))
        total = torch.stack(
            [
                sum(
                    (message[k] for k, (i, _) in enumerate(bonds) if i == atom), torch.zeros(width, dtype=torch.float64)
                )
                for atom in range(len(v))
            ]
        )
        v = torch.log1p(torch.exp(v + batch_norm(total, layer.sum_norm, training, statistics)))
    energies = []
    for g in range(len(graphs)):
        h = softplus(v[graphs.start[g] : graphs.start[g + 1]].mean(0))
        for hidden in model.head.hidden:
            h = softplus(hidden.weight @ h + hidden.bias)
        energies.append((model.head.out.weight @ h + model.head.out.bias)[0])
    return torch.stack(energies), statistics


@pytest.mark.parametrize("seed", [0, 1])
def test_energies_gradients_and_running_statistics_are_the_papers(random_graphs, seed):
    graphs = random_graphs(seed)
    data = flat(graphs)
    model = network(data, seed)
    batch = double(data.batch(torch.arange(len(data))))
    wanted, statistics = paper(model, graphs)
    wanted.square().sum().backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()

    energies = model(batch)
    energies.square().sum().backward()

    torch.testing.assert_close(energies, wanted, rtol=1e-6, atol=1e-8)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(
            parameter.grad, gradients[name], rtol=1e-5, atol=1e-7, msg=lambda m, n=name: f"{n}: {m}"
        )
    for norm, (mean, variance) in statistics.items():
        torch.testing.assert_close(norm.running_mean, mean, rtol=1e-6, atol=1e-8)
        torch.testing.assert_close(norm.running_var, variance, rtol=1e-6, atol=1e-8)
        assert norm.num_batches_tracked == 1


def test_evaluation_uses_the_running_statistics(random_graphs):
    graphs = random_graphs(3)
    data = flat(graphs)
    model = network(data)
    batch = double(data.batch(torch.arange(len(data))))
    model(batch)
    model.eval()
    wanted, _ = paper(model, graphs, training=False)
    torch.testing.assert_close(model(batch), wanted, rtol=1e-6, atol=1e-8)


def test_the_hand_written_gradient_is_the_gradient(random_graphs):
    batch = double(flat(random_graphs(4, count=2, places=3)).batch(torch.arange(2)))
    links, norm = Links.of(batch), torch.nn.BatchNorm1d(4).double()
    rng = torch.Generator().manual_seed(0)
    bonds = batch.bonds.shape[1]
    shapes = [(len(batch.kinds), 8), (4, bonds), (4,), (4,)]
    inputs = [torch.rand(s, dtype=torch.float64, generator=rng).requires_grad_() for s in shapes]

    def through(projections, w_bond, scale, shift):
        parameters = {"norm.weight": scale, "norm.bias": shift}
        return torch.func.functional_call(Wrapped(norm, links), parameters, (projections, w_bond))

    assert torch.autograd.gradcheck(through, inputs, atol=1e-6)


class Wrapped(torch.nn.Module):
    def __init__(self, norm, links):
        super().__init__()
        self.norm, self.links = norm, links

    def forward(self, projections, w_bond):
        return messages(projections, w_bond, self.norm, self.links)


def test_padded_places_enter_neither_messages_nor_statistics(random_graphs):
    found = []
    for extra in (0, 9):
        data = flat(random_graphs(5, extra=extra))
        model = network(data)
        energies = model(double(data.batch(torch.arange(len(data)))))
        found.append((energies, [b for name, b in model.named_buffers() if "running" in name]))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=0, atol=0)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=0, atol=0)


@pytest.mark.parametrize("name", MODELS.names())
def test_a_graph_has_the_same_energy_in_any_company(random_graphs, name):
    data = flat(random_graphs(6))
    torch.manual_seed(0)
    model = MODELS.get(name)(CONFIG, atom_features=data.atom_features, bond_features=data.bond_features).eval()
    together = model(data.batch(torch.tensor([4, 1, 0, 3])))
    alone = torch.cat([model(data.batch(torch.tensor([row]))) for row in (4, 1, 0, 3)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


SPEC = DataSpec(source="extxyz", path="x", cutoff_angstrom=5.0, max_neighbors=8, adsorbate=AdsorbateSpec(symbols=["O"]))


def slab():
    atoms = fcc111("Cu", (2, 2, 3), vacuum=6.0)
    atoms.numbers[::3] = 47
    add_adsorbate(atoms, "O", 1.3, (0.9, 0.7))
    atoms.rattle(0.05, seed=1)
    return atoms


def energies_of(structures, name, pooling):
    torch.manual_seed(0)
    data = flat(from_atoms(structures, SPEC), pooling)
    model = MODELS.get(name)(CONFIG, atom_features=data.atom_features, bond_features=data.bond_features).eval()
    return model(data.batch(torch.arange(len(data)))).detach()


@pytest.mark.parametrize("pooling", ["mean", "adsorbate"])
@pytest.mark.parametrize("name", MODELS.names())
def test_energies_do_not_change_under_permutation_rotation_and_wrapping(name, pooling):
    atoms = slab()
    permuted = atoms[np.random.default_rng(0).permutation(len(atoms))]
    rotated = atoms.copy()
    rotated.rotate(37, (1, 2, 3), rotate_cell=True)
    shifted = atoms.copy()
    shifted.positions += (3.1, -2.2, 0.4)
    shifted.wrap()
    energies = energies_of([atoms, permuted, rotated, shifted], name, pooling)
    torch.testing.assert_close(energies, energies[:1].expand(4), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS.names())
def test_mean_pooling_does_not_change_when_the_cell_is_repeated(name):
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    atoms.rattle(0.05, seed=0)
    spec = SPEC.model_copy(update={"adsorbate": None})
    torch.manual_seed(0)
    data = flat(from_atoms([atoms, atoms.repeat((2, 1, 3))], spec))
    model = MODELS.get(name)(CONFIG, atom_features=data.atom_features, bond_features=data.bond_features).eval()
    one, many = model(data.batch(torch.arange(2))).tolist()
    assert one == pytest.approx(many, rel=1e-4)


def test_energies_do_depend_on_the_geometry():
    moved = slab()
    moved.positions[-1, 2] += 0.3
    one, other = energies_of([slab(), moved], "cgcnn", "adsorbate").tolist()
    assert abs(one - other) > 1e-4


def test_float32_gradients_are_those_of_float64(random_graphs):
    graphs = random_graphs(7)
    data = flat(graphs)
    batch = data.batch(torch.arange(len(data)))
    single, exact = network(data, double=False), network(data)
    single(batch).square().sum().backward()
    exact(double(batch)).square().sum().backward()
    for (name, a), b in zip(single.named_parameters(), exact.parameters(), strict=True):
        scale = float(b.grad.abs().max()) + 1e-3
        assert float((a.grad - b.grad).abs().max()) < 1e-3 * scale, name
