"""The probe that is measured on a GPU, with a stand-in for what torch says of one: its steps are those of a training."""

from __future__ import annotations

import pytest
import torch

from perch.memory import probe
from perch.memory.sizes import Sizes
from perch.space import parse_space


@pytest.fixture
def allocator(monkeypatch):
    """What the allocator would have reserved; the device is the CPU."""
    reserved = {"bytes": 10**9}
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device=None: reserved["bytes"])
    for name in ("empty_cache", "reset_peak_memory_stats", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: None)
    return reserved


def test_every_probe_trains_and_evaluates_and_what_lasts_is_taken_off(prepare_small, small_config, allocator):
    prepared = prepare_small()
    sizes = Sizes(prepared.graphs, prepared.splits)
    space = parse_space({**small_config, "batch_size": {"choice": [4, 8]}, "loss": {"choice": ["l1", "mse"]}})
    found = list(probe.measured("cgcnn", space, sizes, prepared, torch.device("cpu")))
    assert {one.config["batch_size"] for one in found} == {4, 8} and {one.config["loss"] for one in found} == {
        "l1",
        "mse",
    }
    assert all(one.parameters > 0 and 0 < one.training_bytes < allocator["bytes"] for one in found)
    assert all(0 < one.evaluation_bytes < allocator["bytes"] for one in found)


def test_a_configuration_that_runs_out_of_memory_is_left_out(prepare_small, small_config, allocator, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("there is no room")

    prepared = prepare_small()
    monkeypatch.setattr(probe, "_measure", full)
    sizes = Sizes(prepared.graphs, prepared.splits)
    space = parse_space({**small_config, "batch_size": {"choice": [4, 8]}})
    assert list(probe.measured("cgcnn", space, sizes, prepared, torch.device("cpu"))) == []
