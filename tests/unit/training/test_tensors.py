"""A study's data on the device: made once per data set, pooling and device, kept for the last few of them."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from perch.data.graphs.features import atom_features
from perch.model.flat import FlatData
from perch.training import tensors
from perch.training.loop import Training
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


def test_processes_of_a_node_map_the_same_files_and_train_alike(prepared, tmp_path, small_config):
    alone, shared = prepared("a"), replace(prepared("a"), cache=tmp_path)
    errors = []
    for data in (alone, shared, shared):
        tensors._CACHE.clear()
        training = Training(data, small_config, epochs=3, seed=0, key="mapped", device="cpu", threads=1)
        errors.append([training.epoch()["validation_mae_ev"] for _ in range(2)])
    assert errors[0] == errors[1] == errors[2]
    [folder] = (tmp_path / "tensors").iterdir()
    assert {file.name for file in folder.iterdir()} >= {"distances.npy", "expanded.npy", "senders.npy", "meta.json"}


def test_mapped_tensors_are_the_files_and_not_copies(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr("perch.data.graphs.store._MAP_FROM_BYTES", 0)
    data = flat_data(replace(prepared("a"), cache=tmp_path), "adsorbate", CPU)
    maps = Path("/proc/self/maps").read_text()
    for name in ("expanded", "distances", "receivers", "senders", "by_sender", "kinds"):
        assert f"{name}.npy" in maps, name
    plain = flat_data(prepared("a"), "adsorbate", CPU)
    for name, tensor in vars(plain).items():
        if isinstance(tensor, torch.Tensor):
            torch.testing.assert_close(getattr(data, name), tensor, rtol=0, atol=0)
            assert getattr(data, name).dtype == tensor.dtype, name


def test_a_cache_that_takes_nothing_or_is_broken_costs_the_sharing_alone(prepared, tmp_path):
    plain = flat_data(prepared("a"), "mean", CPU)
    (tmp_path / "file").write_text("no folder")
    unwritable = flat_data(replace(prepared("b"), cache=tmp_path / "file"), "mean", CPU)
    torch.testing.assert_close(unwritable.expanded, plain.expanded, rtol=0, atol=0)
    flat_data(replace(prepared("c"), cache=tmp_path), "mean", CPU)
    [folder] = (tmp_path / "tensors").iterdir()
    (folder / "distances.npy").write_bytes(b"cut off")
    tensors._CACHE.clear()
    mended = flat_data(replace(prepared("c"), cache=tmp_path), "mean", CPU)
    torch.testing.assert_close(mended.distances, plain.distances, rtol=0, atol=0)


def test_other_data_or_another_table_of_features_are_other_files(prepared, tmp_path):
    for fingerprint in ("a", "b"):
        flat_data(replace(prepared(fingerprint), cache=tmp_path), "mean", CPU)
    table = tmp_path / "table.json"
    table.write_text(json.dumps({str(z): [1.0, float(z)] for z in range(1, 101)}))
    flat_data(replace(prepared("a"), cache=tmp_path, features=str(table)), "mean", CPU)
    assert len(list((tmp_path / "tensors").iterdir())) == 3
