"""The published value below which a trial can still be among the best, and how much of the time keeping what it leaves may take."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from perch.limit import LARGEST_SHARE, Pace, publish, published
from perch.runs.aside import Aside, KeptLimit


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
