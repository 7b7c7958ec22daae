from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from perch.data.graphs.graph import Graphs
from perch.errors import DataError
from perch.model import flat
from perch.model.batch import sum_rows
from perch.model.flat import FlatData, expand, gaussian_centers, pooling_weights
from perch.training.tensors import graph_features

CPU = torch.device("cpu")


def make(graphs: Graphs, pooling: str = "mean") -> FlatData:
    return FlatData(graphs, graph_features(graphs, "cgcnn"), pooling, CPU)


def bonds_of(graphs: Graphs, row: int) -> set[tuple[int, int, float]]:
    first, end = graphs.start[row], graphs.start[row + 1]
    return {
        (int(i - first), int(graphs.neighbors[i, m] - first), float(graphs.distances[i, m]))
        for i in range(first, end)
        for m in range(graphs.mask.shape[1])
        if graphs.mask[i, m]
    }


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [3], [4, 0, 4]])
def test_a_batch_holds_the_graphs_of_its_rows(random_graphs, rows):
    graphs = random_graphs(1)
    batch = make(graphs).batch(torch.tensor(rows))
    sizes = [int(graphs.start[r + 1] - graphs.start[r]) for r in rows]
    assert batch.graph.tolist() == [g for g, size in enumerate(sizes) for _ in range(size)]
    first = np.cumsum([0, *sizes])
    for g, row in enumerate(rows):
        mine = batch.graph[batch.receivers.long()] == g
        assert (batch.graph[batch.senders.long()][mine] == g).all()
        pairs = zip((batch.receivers[mine] - first[g]).tolist(), (batch.senders[mine] - first[g]).tolist(), strict=True)
        wanted = {(i, j) for i, j, _ in bonds_of(graphs, row)}
        assert set(pairs) == wanted
        atoms = slice(graphs.start[row], graphs.start[row + 1])
        np.testing.assert_array_equal(
            batch.features[batch.kinds[batch.graph == g].long()].numpy(), graph_features(graphs, "cgcnn")[atoms]
        )


def test_bonds_are_summed_at_their_receivers_and_at_their_senders(random_graphs):
    batch = make(random_graphs(2)).batch(torch.tensor([2, 0, 1]))
    rows = torch.randn(len(batch.receivers), 3, dtype=torch.float64)
    for ends, order, first in (
        (batch.receivers, torch.arange(len(rows), dtype=torch.int32), batch.first_bond),
        (batch.senders, batch.by_sender, batch.first_sent),
    ):
        wanted = torch.zeros(len(batch.kinds), 3, dtype=torch.float64).index_add_(0, ends.long(), rows)
        torch.testing.assert_close(sum_rows(rows, order, first), wanted)


def test_expanded_distances_are_the_same_whether_kept_or_made_anew(random_graphs, monkeypatch):
    graphs, rows = random_graphs(3), torch.tensor([3, 1])
    kept = make(graphs).batch(rows).bonds
    monkeypatch.setattr(flat, "KEPT_EXPANSION_BYTES", 0)
    torch.testing.assert_close(make(graphs).batch(rows).bonds, kept, rtol=0, atol=0)


@given(st.lists(st.floats(0.3, 8.0), min_size=1, max_size=20), st.sampled_from([3.0, 5.9, 6.0, 8.0]))
@settings(max_examples=50, deadline=None)
def test_the_expansion_is_gaussian_and_free_of_denormals(distances, cutoff):
    features = expand(torch.tensor(distances), cutoff)
    centers = np.arange(gaussian_centers(cutoff)) * 0.2
    wanted = np.exp(-(((np.array(distances)[:, None] - centers) / 0.2) ** 2))
    np.testing.assert_allclose(features.numpy(), wanted, rtol=1e-3, atol=2e-5)
    tiny = features[(features > 0) & (features < torch.finfo(torch.float32).tiny)]
    assert len(tiny) == 0
    assert centers[-1] <= cutoff + 1e-9 < centers[-1] + 0.2 + 1e-9


def test_pooling_takes_the_atoms_that_it_names(random_graphs):
    graphs = random_graphs(4)
    for pooling, chosen in (
        ("mean", np.ones_like(graphs.adsorbate)),
        ("adsorbate", graphs.adsorbate),
        ("surface", graphs.adsorbate | graphs.surface),
    ):
        batch = make(graphs, pooling).batch(torch.arange(5))
        x = torch.randn(len(graphs.numbers), 3)
        wanted = [
            x[a:b][torch.tensor(chosen[a:b])].mean(0) for a, b in zip(graphs.start, graphs.start[1:], strict=False)
        ]
        torch.testing.assert_close(batch.pool(x), torch.stack(wanted))


@pytest.mark.parametrize(("pooling", "flag"), [("adsorbate", "adsorbate"), ("surface", "surface")])
def test_atoms_that_no_structure_marks_cannot_be_pooled_over(random_graphs, pooling, flag):
    graphs = random_graphs(5)
    none = replace(graphs, **{flag: np.zeros_like(graphs.adsorbate)})
    with pytest.raises(DataError, match="5 structures") as error:
        pooling_weights(none, pooling)
    assert "data.adsorbate" in error.value.fix
