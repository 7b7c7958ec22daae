"""A study's data on the device: made once per data set, pooling and device, kept for the last few of them."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch

from perch.data.graphs.features import atom_features
from perch.model.flat import FlatData
from perch.training import tensors
from perch.training.tensors import KEPT, flat_data, graph_features

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch):
    """A cache of the test's own; what other trials of this process left stays as it was."""
    monkeypatch.setattr(tensors, "_CACHE", OrderedDict())


@pytest.fixture
def prepared(prepare_small):
    """The same structures under as many fingerprints as a test needs."""
    one = prepare_small()
    return lambda fingerprint: replace(one, fingerprint=fingerprint)


def test_the_second_trial_finds_the_tensors_of_the_first(prepared):
    first = flat_data(prepared("a"), "mean", CPU)
    assert flat_data(prepared("a"), "mean", CPU) is first


def test_other_data_another_pooling_or_another_device_have_tensors_of_their_own(prepared):
    first = flat_data(prepared("a"), "mean", CPU)
    assert flat_data(prepared("b"), "mean", CPU) is not first
    assert flat_data(prepared("a"), "adsorbate", CPU) is not first
    assert flat_data(prepared("a"), "mean", torch.device("cpu", 0)) is not first
    assert flat_data(prepared("a"), "mean", CPU) is first


def test_the_data_set_that_was_used_longest_ago_makes_room(prepared):
    """A study that searches over the cutoff has several; a worker's memory holds the last ``KEPT``."""
    made = [flat_data(prepared(str(n)), "mean", CPU) for n in range(KEPT)]
    assert flat_data(prepared("0"), "mean", CPU) is made[0], "used again, so number 1 is the oldest"
    flat_data(prepared("one more"), "mean", CPU)
    assert len(tensors._CACHE) == KEPT
    assert flat_data(prepared("0"), "mean", CPU) is made[0]
    assert flat_data(prepared("2"), "mean", CPU) is made[2]
    assert flat_data(prepared("1"), "mean", CPU) is not made[1]


def test_an_atom_is_its_elements_numbers_and_two_flags(prepared):
    data = prepared("a")
    graphs = data.graphs
    features = graph_features(graphs, data.features)
    elements = atom_features(graphs.numbers, data.features)
    assert features.dtype == np.float32 and features.shape == (len(graphs.numbers), elements.shape[1] + 2)
    np.testing.assert_array_equal(features[:, :-2], elements.astype(np.float32))
    np.testing.assert_array_equal(features[:, -2], graphs.adsorbate)
    np.testing.assert_array_equal(features[:, -1], graphs.fixed)
    assert 0 < features[:, -2].sum() < len(features) and 0 < features[:, -1].sum() < len(features)


def test_a_second_table_of_atom_features_has_tensors_of_its_own(prepared, tmp_path):
    def table(name, number):
        (tmp_path / name).write_text(json.dumps({str(z): [number, float(z)] for z in range(1, 101)}))
        return replace(prepared("a"), features=str(tmp_path / name))

    first = flat_data(table("one.json", 1.0), "mean", CPU)
    second = flat_data(table("two.json", 2.0), "mean", CPU)
    assert float(first.features[0, 0]) == 1.0 and float(second.features[0, 0]) == 2.0
    written_over = flat_data(table("one.json", 3.0), "mean", CPU)
    assert float(written_over.features[0, 0]) == 3.0


def test_poolings_share_all_tensors_but_the_weights(prepared):
    first = flat_data(prepared("a"), "mean", CPU)
    second = flat_data(prepared("a"), "adsorbate", CPU)
    alone = FlatData(prepared("a").graphs, graph_features(prepared("a").graphs, "cgcnn"), "adsorbate", CPU)
    torch.testing.assert_close(second.weights, alone.weights, rtol=0, atol=0)
    shared = [n for n, v in vars(first).items() if isinstance(v, torch.Tensor) and v is getattr(second, n)]
    others = [n for n, v in vars(first).items() if isinstance(v, torch.Tensor) and v is not getattr(second, n)]
    assert others == ["weights"] and "expanded" in shared
