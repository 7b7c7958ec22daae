"""Which weights a network's trial writes while a run goes on: what can still be among the best, and no more than the file system bears."""

from __future__ import annotations

from tests.unit.training.test_trainable import told  # noqa: F401 - a fixture

from perch.limit import publish
from perch.training import trainable as trainable_module
from perch.training.trainable import GraphTrainable
from perch.training.weights import read_kept


def test_a_trial_that_does_not_lead_any_more_writes_nothing(told, small_config, tmp_path):  # noqa: F811
    where = tmp_path / "weights"
    publish(where, 0.0)
    for spares, written in ((True, False), (False, True)):
        one = GraphTrainable(told(small_config, weights=str(where), keep_below=1e9, spares=spares))
        one.train()
        assert (where / "00001.pt").exists() == written


def test_on_a_slow_file_system_the_best_epoch_alone_is_written(told, small_config, tmp_path, monkeypatch):  # noqa: F811
    where, wrote = tmp_path / "weights", []
    usual = trainable_module.keep
    monkeypatch.setattr(trainable_module, "keep", lambda folder, kept: wrote.append(kept.epoch) or usual(folder, kept))
    one = GraphTrainable(told(small_config, weights=str(where), keep_below=1e9, spares=True))
    one._pace.wrote(0.0, 1e12)
    seen = [one.train()["validation_mae_ev"] for _ in range(4)]
    assert wrote == []
    one.cleanup()
    assert wrote == [seen.index(min(seen)) + 1] and read_kept(where / "00001.pt").value == min(seen)


def test_the_fifth_best_itself_is_still_among_the_best(told, small_config, tmp_path):  # noqa: F811
    where = tmp_path / "weights"
    value = GraphTrainable(told(small_config)).train()["validation_mae_ev"]
    publish(where, value)
    GraphTrainable(told(small_config, weights=str(where), keep_below=1e9, spares=True)).train()
    assert read_kept(where / "00001.pt").value == value
