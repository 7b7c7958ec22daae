"""Which weights are written while a run goes on: what can still be among the best, and no more than the file system bears."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.training.test_trainable import told  # noqa: F401 - a fixture

from perch.runs.aside import Aside, KeptLimit
from perch.training import trainable as trainable_module
from perch.training.limit import LARGEST_SHARE, Pace, publish, published
from perch.training.trainable import GraphTrainable
from perch.training.weights import read_kept


def test_what_is_published_is_read_and_nothing_is_no_limit(tmp_path):
    assert published(tmp_path / "weights") == math.inf
    publish(tmp_path / "weights", math.inf)
    assert not (tmp_path / "weights").exists()
    publish(tmp_path / "weights", 0.25)
    assert published(tmp_path / "weights") == 0.25
    (tmp_path / "weights" / "limit.json").write_text('{"keep_')
    assert published(tmp_path / "weights") == math.inf


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.001, 60)), max_size=40))
def test_writes_take_at_most_their_share_of_the_time(steps):
    pace, now_s, writing_s, last_s = Pace(), 0.0, 0.0, 0.0
    for waits_s, write_s in steps:
        now_s += waits_s
        if pace.due(now_s):
            assert writing_s <= LARGEST_SHARE * now_s + 1e-9
            pace.wrote(now_s, now_s + write_s)
            now_s, writing_s, last_s = now_s + write_s, writing_s + write_s, write_s
    assert writing_s - last_s <= LARGEST_SHARE * now_s + 1e-9


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


def test_news_alone_are_published_and_nobody_waits_for_the_file_system(tmp_path):
    limit = KeptLimit(tmp_path / "weights")
    limit.tell(math.inf)
    assert not (tmp_path / "weights").exists()
    limit.tell(0.5)
    limit._aside.join()
    path = tmp_path / "weights" / "limit.json"
    stamp = path.stat().st_mtime_ns
    limit.tell(0.5)
    limit._aside.join()
    assert path.stat().st_mtime_ns == stamp and published(path.parent) == 0.5
    KeptLimit(None).tell(0.1)


def test_work_that_is_not_done_is_not_begun_twice():
    import threading

    going, done = threading.Event(), []
    aside = Aside()
    assert aside.start(lambda: going.wait(60) and done.append(1))
    assert not aside.start(lambda: done.append(2))
    going.set()
    aside.join()
    assert aside.start(lambda: done.append(3))
    aside.join()
    assert done == [1, 3]
