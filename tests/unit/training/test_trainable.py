"""The trainable as Tune calls it, without a cluster: setup, step, save, load, reset."""

from __future__ import annotations

import errno
import weakref

import pytest
import torch

from perch.errors import RecordError
from perch.training import cache
from perch.training import trainable as trainable_module
from perch.training.loop import Training
from perch.training.trainable import GraphTrainable
from perch.training.weights import read_kept


@pytest.fixture
def told(prepare_small, monkeypatch, tmp_path):
    """The configuration of a trial; data are prepared once, and counted."""
    calls = []

    def prepare(spec, **limits):
        calls.append(limits)
        return prepare_small()

    monkeypatch.setattr(cache, "prepare", prepare)
    monkeypatch.setattr(cache, "_CACHE", type(cache._CACHE)())

    def make(small_config, trial="00001", **changes):
        perch = {
            "study": {"data": {"source": "toy"}, "trainable": "cgcnn"}, "base": str(tmp_path), "cache": None, "trial": trial,
            "segment": 0, "seed": 0, "epochs": 9, "threads": 1, "key": trial,
        }  # fmt: skip
        return {**small_config, "_perch": {**perch, **changes}}

    make.calls = calls
    return make


def values(trainable, count):
    return [trainable.train()["validation_mae_ev"] for _ in range(count)]


def test_a_checkpoint_carries_a_trial_on(told, small_config, tmp_path):
    whole = values(GraphTrainable(told(small_config)), 4)
    first = GraphTrainable(told(small_config))
    values(first, 2)
    first.save_checkpoint(str(tmp_path))
    assert [f.name for f in tmp_path.iterdir()] == ["state.pt"]
    second = GraphTrainable(told(small_config))
    second.load_checkpoint(str(tmp_path))
    assert values(second, 2) == whole[2:]


def test_a_reused_worker_trains_as_a_fresh_one_and_keeps_the_data(told, small_config):
    fresh = values(GraphTrainable(told(small_config | {"atom_embedding_size": 5}, trial="00002")), 2)
    reused = GraphTrainable(told(small_config))
    values(reused, 1)
    tensors = reused.training.data
    assert reused.reset(told(small_config | {"atom_embedding_size": 5}, trial="00002")) is True
    assert values(reused, 2) == fresh
    assert reused.training.data is tensors
    assert len(told.calls) == 1


def test_another_cutoff_has_data_of_its_own(told, small_config):
    reused = GraphTrainable(told(small_config))
    reused.reset(told(small_config | {"max_neighbors": 6}, trial="00002"))
    assert [c["max_neighbors"] for c in told.calls] == [None, 6]


def test_the_old_model_is_gone_before_the_next_is_built(told, small_config, monkeypatch):
    """Two models at once may not fit a GPU that each of them fits."""
    reused = GraphTrainable(told(small_config))
    values(reused, 1)
    old = [weakref.ref(part) for fold in reused.training.folds for part in (fold.network, fold.optimizer)]
    left = []

    class Watched(Training):
        def __init__(self, *args, **keys):
            left.append([part() for part in old if part() is not None])
            super().__init__(*args, **keys)

    monkeypatch.setattr(trainable_module, "Training", Watched)
    reused.reset(told(small_config, trial="00002"))
    assert left == [[]]


@pytest.mark.parametrize(("kind", "calls"), [("cuda", ["collect", "empty_cache"]), ("cpu", [])])
def test_a_gpus_memory_is_given_back_after_the_model_is_let_go(told, small_config, monkeypatch, kind, calls):
    reused = GraphTrainable(told(small_config))
    model = weakref.ref(reused.training.folds[0].network)
    reused.training.device = torch.device(kind)
    done = []
    monkeypatch.setattr(trainable_module.gc, "collect", lambda: done.append("collect"))
    monkeypatch.setattr(
        torch.cuda, "empty_cache", lambda: done.append("empty_cache" if model() is None else "too early")
    )
    reused.cleanup()
    assert done == calls and reused.training is None


def test_a_leading_trial_keeps_its_best_weights(told, small_config, tmp_path):
    where = tmp_path / "weights"
    leading = GraphTrainable(told(small_config, weights=str(where), keep_below=1e9))
    seen = values(leading, 4)
    kept = read_kept(where / "00001.pt")
    assert kept.value == min(seen)
    assert kept.epoch == seen.index(min(seen)) + 1


def test_a_trial_that_does_not_lead_writes_nothing(told, small_config, tmp_path):
    trailing = GraphTrainable(told(small_config, weights=str(tmp_path / "weights"), keep_below=0.0))
    values(trailing, 2)
    assert not (tmp_path / "weights").exists()


def test_after_an_interruption_better_weights_of_the_same_trial_stand(told, small_config, tmp_path):
    config = told(small_config, weights=str(tmp_path / "weights"))
    first = GraphTrainable(config)
    best = min(values(first, 4))
    again = GraphTrainable(config)
    again.train()
    assert read_kept(tmp_path / "weights" / "00001.pt").value == best


def test_a_checkpoint_that_is_no_checkpoint_is_refused(told, small_config, tmp_path):
    trainable = GraphTrainable(told(small_config))
    with pytest.raises(RecordError, match="cannot read the checkpoint"):
        trainable.load_checkpoint(str(tmp_path))
    torch.save({"epoch": print}, tmp_path / "state.pt")
    with pytest.raises(RecordError, match="cannot read the checkpoint"):
        trainable.load_checkpoint(str(tmp_path))


def test_the_device_is_shown_once_per_worker(told, small_config, capsys, monkeypatch):
    from perch.training import trainable

    monkeypatch.setattr(trainable, "_shown", set())
    reused = GraphTrainable(told(small_config))
    reused.reset(told(small_config, trial="00002"))
    assert capsys.readouterr().out.count("train on cpu (1 thread)") == 1


def no_space(monkeypatch, error):
    def full(content, path):
        raise error

    monkeypatch.setattr(trainable_module, "keep", lambda folder, kept: full(kept, folder))


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.ESTALE, "Stale file handle"),
        RuntimeError("[enforce fail at inline_container.cc:659] . PytorchStreamWriter failed writing file data/0"),
    ],
)
def test_weights_that_cannot_be_kept_are_said_and_do_not_end_a_trial(
    told, small_config, tmp_path, monkeypatch, capsys, error
):
    no_space(monkeypatch, error)
    one = GraphTrainable(told(small_config, weights=str(tmp_path / "weights"), keep_below=float("inf")))
    assert len(values(one, 2)) == 2
    assert "weights of trial 00001 at epoch 1 are not kept" in capsys.readouterr().out


def test_what_goes_wrong_in_the_network_itself_still_ends_it(told, small_config, tmp_path, monkeypatch):
    no_space(monkeypatch, RuntimeError("CUDA error: device-side assert triggered"))
    one = GraphTrainable(told(small_config, weights=str(tmp_path / "weights"), keep_below=float("inf")))
    with pytest.raises(RuntimeError, match="device-side"):
        values(one, 1)
