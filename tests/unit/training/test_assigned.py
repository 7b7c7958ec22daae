"""The device that a trial was given, with a stand-in for torch's CUDA interface: what is asked of it is real, the card is not."""

from __future__ import annotations

import os
import queue
from types import SimpleNamespace

import pytest
import torch
from tests.unit.training.test_trainable import told  # noqa: F401 - a fixture

from perch.errors import DeviceError
from perch.programs.config.configure import prepare
from perch.schedule import retrain
from perch.training.assigned import CONTEXT_BYTES, device_here, take_device
from perch.training.device import find_device, peak_memory_bytes, set_tf32
from perch.training.failure import classify
from perch.training.trainable import GraphTrainable

GIB = 2**30


@pytest.fixture
def card(monkeypatch):
    """Two GPUs of 16 GiB, seen as CUDA_VISIBLE_DEVICES says; keeps what is set on them."""
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "x")  # so that it is put back
        monkeypatch.delenv(name)
    done = SimpleNamespace(fractions={}, device=None, there=2)

    def count():
        said = os.environ.get("CUDA_VISIBLE_DEVICES")
        return done.there if said is None else len([p for p in said.split(",") if p])

    faked = {
        "device_count": count,
        "is_available": lambda: count() > 0,
        "set_device": lambda device: setattr(done, "device", torch.device(device).index),
        "get_device_properties": lambda device: SimpleNamespace(total_memory=16 * GIB),
        "get_device_name": lambda device: "Stand-in",
        "get_device_capability": lambda device: (8, 0),
        "set_per_process_memory_fraction": lambda share, device: done.fractions.update({device.index: share}),
        "max_memory_reserved": lambda device: 5 * GIB,
        "max_memory_allocated": lambda device: 3 * GIB,
    }
    for name, answer in faked.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    return done


def test_where_no_gpu_was_asked_for_none_is_seen(card):
    assert find_device("auto").type == "cuda"
    assert take_device(0.0).name == "cpu"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == os.environ["HIP_VISIBLE_DEVICES"] == ""
    assert find_device("auto").type == "cpu"


def test_a_trial_without_gpus_trains_on_the_cpu_of_a_machine_that_has_some(card, told, small_config):  # noqa: F811
    trainable = GraphTrainable(told(small_config, gpus=0.0))
    assert trainable.train()["device"] == "cpu (1 thread)"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize(
    ("visible", "ids", "index"),
    [("5", ["5"], 0), ("2,5", ["5"], 1), ("GPU-8a,MIG-77", ["MIG-77"], 1), (None, [1], 1), (None, [], 0)],
)
def test_the_assigned_gpu_is_used(card, monkeypatch, visible, ids, index):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    given = take_device(1.0, ids)
    assert given.name == f"cuda:{index}" and card.device == index
    assert card.fractions == {index: 1.0}
    assert given.words == f"cuda:{index} (Stand-in), GPU {ids[0] if ids else 0}"


@pytest.mark.parametrize("share", [0.5, 0.25, 0.02])
def test_a_share_of_a_gpu_may_allocate_its_share_less_the_context(card, share):
    given = take_device(share, [0])
    fraction = card.fractions[0]
    assert fraction == pytest.approx(max(share - CONTEXT_BYTES / (16 * GIB), share / 2))
    assert given.most_bytes == int(fraction * 16 * GIB)
    assert f"{share:g} of GPU 0, at most {given.most_bytes / 1e9:.1f} GB" in given.words
    if share > 0.1:
        neighbours = round(1 / share)
        assert neighbours * (fraction * 16 * GIB + CONTEXT_BYTES) <= 16 * GIB * 1.001


def test_a_gpu_that_torch_does_not_see_is_the_machines_fault(card):
    card.there = 0
    with pytest.raises(DeviceError, match="given 1 GPUs, and torch sees 0") as refused:
        take_device(1.0, [0])
    assert (classify(refused.value).failure, classify(refused.value).whose) == ("gpu", "machine")


def test_where_nothing_was_assigned_nothing_is_hidden(card):
    assert take_device(None).name == "auto" and device_here(None) == device_here(0.5) == "auto"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert device_here(0) == "cpu" and os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize(
    ("gpus", "places"),
    [(None, ["cuda:0", "cuda:1"]), (1, ["cuda:0", "cuda:1"]), (0.5, ["cuda:0", "cuda:1"] * 2), (0, None)],
)
def test_retrainings_share_the_gpus_that_there_are(card, gpus, places):
    cores = ["cpu"] * len(os.sched_getaffinity(0))
    assert retrain.places_here(gpus) == (places or cores)


def test_a_retraining_without_gpus_hides_them(card, monkeypatch):
    monkeypatch.setattr(retrain, "_device", "auto")
    free = queue.SimpleQueue()
    free.put("cpu")
    retrain._take_place(free, 0)
    assert retrain._device == "cpu" and os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize(("hide", "expected"), [(True, ""), (False, "3")])
def test_a_program_sees_no_gpu_where_none_was_asked_for(monkeypatch, hide, expected):
    from perch.command import Command

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    spec = Command.model_validate({"command": ["true"], "metrics": {"files": "log", "format": "jsonl"}})
    start = prepare(spec, {}, {"cpus": 1}, resuming=False, hide_gpus=hide)
    assert start.env["CUDA_VISIBLE_DEVICES"] == expected


def test_peak_memory_is_what_torch_holds_of_the_device(card):
    assert peak_memory_bytes(torch.device("cuda", 0)) == 5 * GIB


@pytest.mark.parametrize(
    ("kind", "capability", "on", "expected"),
    [("cuda", (8, 0), True, True), ("cuda", (7, 5), True, False), ("cuda", (9, 0), False, False), ("cpu", (9, 0), True, None)],
)  # fmt: skip
def test_tf32_is_used_where_the_device_has_it(card, monkeypatch, kind, capability, on, expected):
    matmul = SimpleNamespace(allow_tf32=None)
    monkeypatch.setattr(torch.backends.cuda, "matmul", matmul)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    set_tf32(torch.device(kind), on)
    assert matmul.allow_tf32 is expected
