"""The benchmark that is prepared for a GPU: its parts run on a CPU at sizes of seconds, and on a GPU where there is one."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
SIZES = {18: (6, 2)}


@pytest.fixture(scope="module")
def gpu():
    """The script as a module."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("gpu")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def test_the_three_sides_train_on_the_same_graphs_in_turns(gpu):
    [found] = gpu.epochs("cpu", SIZES, [4], 1)
    assert (found["atoms"], found["batch"]) == (18, 4)
    for name in ("pyg", "dense"):
        assert found[f"{name}_over_perch"] == pytest.approx(found[name] / found["perch"], rel=0.2)
        assert found[name] > 0


def test_the_dense_layout_computes_what_the_network_does(gpu):
    """One step of each plain side changes its loss: they train, and on all graphs."""
    data = gpu.prepared(18, 6, 2)
    for side in (gpu.pyg_side, gpu.dense_side):
        assert gpu.seconds(side(data, "cpu", 3), "cpu") > 0


def test_memory_agreement_and_what_an_epoch_goes_into(gpu):
    assert all(row["peak_bytes"] > 50e6 for row in gpu.memory("cpu", SIZES))
    agreed = gpu.agreement("cpu", SIZES)
    assert agreed["float32_off"] == agreed["tf32_off"] == 0.0, "a CPU agrees with itself"
    assert all(0 < row["predicted_bytes"] < row["peak_bytes"] for row in gpu.memory("cpu", SIZES)), (
        "a process is more than tensors"
    )
    work = gpu.at_work("cpu", SIZES)
    near = work["roofline"]
    assert near["operation"].startswith("aten::") and near["seconds"] > 0 and near["gigabytes"] > 0
    assert near["fraction"] > 0 and near["device_gb_per_s"] > 0
    assert work["at_work_share"] > 0 and sum(row["share"] for row in work["top"]) <= 1.001


def test_a_part_that_fails_says_so_in_its_place(gpu, monkeypatch, capsys):
    def broken(*_):
        raise RuntimeError("no such kernel")

    for name in ("at_work", "memory", "agreement", "sharing", "spared"):
        monkeypatch.setattr(gpu, name, lambda *_: "done")
    monkeypatch.setattr(gpu, "epochs", broken)
    assert gpu.main(["--device", "cpu", "--tiny"]) == 1
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["failed"] == ["epochs"] and "no such kernel" in said["epochs"]["error"] and said["spared"] == "done"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_says_how_to_try_it(gpu, capsys):
    assert gpu.main([]) == 2
    assert "--device cpu --tiny" in capsys.readouterr().err


@pytest.mark.slow
def test_trials_share_a_device_and_one_that_fails_spares_its_neighbour(gpu):
    one, two = gpu.sharing("cpu", [1, 2], SIZES, 1)
    assert (one["trials"], two["trials"]) == (1, 2) and one["errors"] == two["errors"] == []
    assert gpu.spared("cpu", SIZES, 1)["spared"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_it_agrees_with_the_cpu_and_a_trial_out_of_memory_spares_its_neighbour(gpu):
    sizes = {18: (128, 32)}
    agreed = gpu.agreement("cuda:0", sizes)
    assert agreed["float32_off"] < 1e-3 and agreed["tf32_off"] < 2e-2
    assert gpu.spared("cuda:0", sizes, 5)["spared"]
    assert gpu.sharing("cuda:0", [1, 2], sizes, 5)[1]["errors"] == []
