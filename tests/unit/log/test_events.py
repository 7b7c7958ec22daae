"""The log: what is accepted, what is ignored, what a follower sees."""

import errno
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.errors import RecordError
from perch.log import events
from perch.log.earlier import earlier
from perch.log.events import RESERVE_BYTES, EventLog, Rewritten, Tail, accepted, file_of, read


def begin(folder, **more):
    log = EventLog(folder)
    log.append({"e": "attempt", "n": log.attempt, "accepts_bytes": {str(k): v for k, v in log.accepts.items()}, **more})
    return log


def kinds(folder):
    return [e["e"] for e in read(folder)]


def test_what_was_appended_is_read_back_in_order(tmp_path):
    log = begin(tmp_path)
    for i in range(3):
        log.append({"e": "result", "i": i})
    assert [e.get("i") for e in read(tmp_path)] == [None, 0, 1, 2]


@given(cut=st.integers(min_value=1, max_value=40))
def test_a_torn_last_line_is_lost_alone(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("events")
    log = begin(folder)
    log.append({"e": "result", "i": 0})
    log.append({"e": "result", "i": 1, "filling": "x" * 40})
    path = file_of(folder, 1)
    path.write_bytes(path.read_bytes()[:-cut])
    assert [e.get("i") for e in read(folder)] == [None, 0]
    begin(folder).append({"e": "result", "i": 2})
    assert [e.get("i") for e in read(folder)] == [None, 0, None, 2]


def test_what_a_half_dead_attempt_still_writes_is_ignored(tmp_path):
    old = begin(tmp_path)
    old.append({"e": "result", "i": 0})
    new = begin(tmp_path)
    old.append({"e": "result", "i": 99})
    new.append({"e": "result", "i": 1})
    assert [e.get("i") for e in read(tmp_path)] == [None, 0, None, 1]
    assert old.superseded() == 2
    assert new.superseded() is None


def test_an_attempt_killed_before_its_first_line_does_not_count(tmp_path):
    begin(tmp_path).append({"e": "result", "i": 0})
    file_of(tmp_path, 2).write_bytes(b'{"e":"att')
    assert kinds(tmp_path) == ["attempt", "result"]
    assert set(accepted(tmp_path)) == {1}
    assert begin(tmp_path).attempt == 3
    assert kinds(tmp_path) == ["attempt", "result", "attempt"]


def test_a_line_that_is_not_json_is_named(tmp_path):
    log = begin(tmp_path)
    with file_of(tmp_path, 1).open("ab") as file:
        file.write(b"garbage\n")
    log.append({"e": "result"})
    with pytest.raises(RecordError, match="cannot read the log"):
        kinds(tmp_path)


def test_a_non_finite_number_never_enters_the_log(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        begin(tmp_path).append({"e": "result", "value": float("nan")})


def test_a_follower_gets_each_event_once_and_whole(tmp_path):
    log = begin(tmp_path)
    tail = Tail(tmp_path)
    assert [e["e"] for e in tail.new()] == ["attempt"]
    with file_of(tmp_path, 1).open("ab") as file:
        file.write(b'{"e":"result"')
    assert tail.new() == []
    with file_of(tmp_path, 1).open("ab") as file:
        file.write(b"}\n")
    assert tail.new() == [{"e": "result"}]
    log.append({"e": "close"})
    assert tail.new() == [{"e": "close"}]


def test_a_follower_that_read_disowned_lines_is_told_so(tmp_path):
    old = begin(tmp_path)
    tail = Tail(tmp_path)
    old.append({"e": "result", "i": 0})
    new = EventLog(tmp_path)
    old.append({"e": "result", "i": 99})
    assert len(tail.new()) == 3
    new.append({"e": "attempt", "n": 2, "accepts_bytes": {str(k): v for k, v in new.accepts.items()}})
    with pytest.raises(Rewritten):
        tail.new()


def test_a_line_holds_one_event(tmp_path):
    log = begin(tmp_path)
    log.append({"e": "error", "message": "two\nlines"})
    lines = file_of(tmp_path, 1).read_text().splitlines()
    assert [json.loads(line)["e"] for line in lines] == ["attempt", "error"]


@given(taken=st.integers(min_value=0, max_value=60), fails=st.integers(min_value=0, max_value=5))
def test_of_an_event_that_the_disk_takes_in_part_nothing_stays(tmp_path_factory, taken, fails):
    """Else the next event would end the torn line, and the log could not be read any more."""
    folder = tmp_path_factory.mktemp("events")
    log = begin(folder)
    write = os.write

    def nearly_full(fd, data):
        left = nearly_full.left
        if left <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        nearly_full.left -= len(data[:left])
        return write(fd, data[:left])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", nearly_full)
        for _ in range(fails + 1):
            nearly_full.left = taken
            try:
                log.append({"e": "result", "note": "a line of more than sixty bytes, so that it is never taken whole"})
            except OSError as error:
                assert error.errno == errno.ENOSPC
    log.append({"e": "close"})
    log.close()
    assert kinds(folder) == ["attempt", "close"]


def test_an_attempt_holds_room_for_its_end_and_gives_it_back(tmp_path):
    log = begin(tmp_path)
    [reserve] = tmp_path.glob(".reserve-*")
    assert reserve.stat().st_blocks * 512 >= RESERVE_BYTES, "it takes room, not only a length"
    second = EventLog(tmp_path)
    assert len(list(tmp_path.glob(".reserve-*"))) == 1, "what a killed attempt left is taken away"
    second.close()
    log.close()
    assert list(tmp_path.glob(".reserve-*")) == []


KINDS = st.sampled_from(["result", "close", "trial"])


@given(
    attempts_=st.lists(st.lists(st.tuples(KINDS, st.integers(0, 60)), max_size=8), min_size=1, max_size=3),
    block=st.integers(1, 90),
    torn=st.booleans(),
)
def test_reading_in_blocks_and_from_the_end_finds_what_is_there(tmp_path_factory, attempts_, block, torn):
    folder, wanted = tmp_path_factory.mktemp("events"), []
    for n, made in enumerate(attempts_, 1):
        log = begin(folder)
        wanted.append(("attempt", n))
        for k, (kind, filling) in enumerate(made):
            log.append({"e": kind, "n": k, "filling": "ü" * filling})
            wanted.append((kind, k))
    if torn:
        with file_of(folder, len(attempts_)).open("ab") as file:
            file.write(b'{"e":"result","n":9')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "BLOCK_BYTES", block)
        assert [(e["e"], e["n"]) for e in read(folder)] == wanted
        assert [(e["e"], e["n"]) for e in Tail(folder).new()] == wanted
        for kinds_ in (("attempt",), ("close", "attempt"), ("trial", "attempt")):
            found = events.last_event(folder, kinds_)
            last = [w for w in wanted if w[0] in kinds_][-1]
            newest = wanted[max(i for i, w in enumerate(wanted) if w[0] == "attempt") :]
            assert last in newest and (found["e"], found["n"]) == last


def test_how_a_run_began_and_ended_is_found_without_parsing_its_results(tmp_path, monkeypatch):
    """Of a run of 100,000 trials that would take as long as its replay."""
    log, parsed = begin(tmp_path, budget={"trials": 9, "time": None}), []
    for i in range(2000):
        log.append({"e": "result", "i": i})
    log.append({"e": "close", "why": "done"})
    parse = events._parsed
    monkeypatch.setattr(events, "_parsed", lambda line, *where: parsed.append(line) or parse(line, *where))
    assert earlier(tmp_path).closed == "done"
    assert len(parsed) < 10


def test_a_follower_takes_a_long_log_some_events_at_a_time(tmp_path, monkeypatch):
    log = begin(tmp_path)
    for i in range(50):
        log.append({"e": "result", "i": i})
    monkeypatch.setattr(events, "BLOCK_BYTES", 200)
    tail = Tail(tmp_path)
    sizes = [len(block) for block in tail.blocks()]
    assert sum(sizes) == 51 and max(sizes) < 12
    assert list(tail.blocks()) == []


@pytest.mark.parametrize("broken", ["", '{"e":"x"},{"e":"y"}', '{"e":"x"', '"e"}'])
def test_a_broken_line_in_the_middle_is_named_however_the_lines_are_read(tmp_path, broken):
    log = begin(tmp_path)
    log.append({"e": "spent"})
    with file_of(tmp_path, 1).open("a") as file:
        file.write(broken + "\n")
    log.append({"e": "close"})
    with pytest.raises(RecordError, match="cannot read the log"):
        list(read(tmp_path))
