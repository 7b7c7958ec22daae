from __future__ import annotations

from typing import Any

import pytest

from perch.errors import RecordError
from perch.why import explain, lines

Event = dict[str, Any]


def trial(name: str, **more: Any) -> Event:
    return {"e": "trial", "id": name, "i": 0, "config": {"lr": 0.01}, "bracket": 0, "by": "random", **more}


def result(name: str, epoch: int, value: float, d: str = "go", **more: Any) -> Event:
    return {"e": "result", "id": name, "seg": 0, "epoch": epoch, "value": value, "d": d, **more}


def told(events: list[Event], name: str, **settings: Any) -> str:
    return "\n".join(lines(explain(events, name, metric="mae", epochs=9, **settings)))


STOPPED = [
    trial("00001"),
    trial("00002"),
    trial("00003"),
    result("00001", 1, 0.5, rung=1, rank=1, size=1),
    result("00002", 1, 0.8, "stop", rung=1, cutoff=0.5, rank=2, size=2),
    result("00003", 1, 0.2, rung=1, cutoff=0.6, rank=1, size=3),
]


def test_a_stop_names_value_cutoff_rank_and_what_it_would_have_needed() -> None:
    text = told(STOPPED, "00002")
    assert "stopped after 1 of 9 epochs" in text
    assert "2 of 2" in text
    assert "3 of 3" in text, "its rank when the log ended"
    assert "at epoch 1 it had 0.8 and would have needed at most 0.5" in text
    assert "missed that by 0.3 (60.0% of it)" in text


def test_the_number_of_a_trial_is_enough() -> None:
    assert told(STOPPED, "2") == told(STOPPED, "00002")


def test_an_unknown_trial_is_one_clear_error() -> None:
    with pytest.raises(RecordError, match="no trial is called '9'") as error:
        explain(STOPPED, "9")
    assert "00001" in error.value.why


def test_more_is_better_is_told_in_the_metrics_own_sign() -> None:
    events = [trial("00001"), trial("00002"), result("00001", 1, -0.9, rung=1, rank=1, size=1)]
    events.append(result("00002", 1, -0.4, "stop", rung=1, cutoff=-0.9, rank=2, size=2))
    text = told(events, "00002", maximise=True)
    assert "it had 0.4 and would have needed at least 0.9" in text
    assert "2 of 2" in text


def test_a_rung_of_another_bracket_does_not_count() -> None:
    other = [trial("00004", bracket=1), result("00004", 1, 0.1, rung=1, rank=1, size=1)]
    assert told(STOPPED + other, "00002") == told(STOPPED, "00002")


def test_a_pause_says_that_it_waits_and_a_promotion_that_it_trains() -> None:
    paused = [trial("00001"), result("00001", 1, 0.5, "pause", rung=1, rank=4, size=6, cutoff=0.4)]
    assert "it waits at epoch 1, rank 4 of 6; the places that go on end at 0.4" in told(paused, "1")
    assert "still training" in told([*paused, {"e": "promote", "id": "00001"}], "1")


def test_a_lineage_is_told_with_what_changed() -> None:
    x = {"donor": "00002", "seg": 1, "epoch": 4, "config": {"lr": 0.02}}
    events = [trial("00001"), {**result("00001", 4, 0.9, "exploit"), "x": x}, result("00001", 5, 0.3, seg=1)]
    text = told(events, "00001")
    assert "epoch 4: took over from trial 00002, segment 1 at its epoch 4; changed lr 0.01 → 0.02" in text
    assert "configuration: lr=0.02" in text


def test_a_failure_is_told_with_its_class_and_its_last_lines() -> None:
    message = "\n".join(f"line {n}" for n in range(40)) + "\nRuntimeError: out of memory"
    events = [trial("00001"), {"e": "error", "id": "00001", "failure": "memory", "message": message}]
    text = told(events, "00001")
    assert "failed (memory)" in text
    assert text.endswith("| RuntimeError: out of memory")
    assert "line 5\n" not in text


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ([result("00001", 9, 0.1, "stop")], "trained to the end"),
        ([{"e": "error", "id": "00001", "failure": "ended", "message": ""}], "its trainable chose itself"),
        ([{"e": "error", "id": "00001", "failure": "diverged", "message": "loss is nan"}], "it diverged"),
        ([{"e": "close", "why": "interrupted"}], "it goes on when the run is resumed"),
        ([{"e": "lost", "id": "00001"}], "its worker was lost 1 times (lost)"),
        ([{"e": "lost", "id": "00001", "failure": "gpu", "node": "10.0.0.7"}], "lost 1 times (gpu on 10.0.0.7)"),
        ([], "still training"),
    ],
)
def test_every_end_has_its_answer(more: list[Event], answer: str) -> None:
    assert answer in told([trial("00001"), result("00001", 1, 0.5), *more], "00001")


def test_of_a_long_failure_the_first_line_and_the_last_ones_are_shown() -> None:
    message = "\n".join(["it ended after epoch 1", *(f"line {n}" for n in range(40))])
    failed = {"e": "error", "id": "00001", "seg": 0, "epoch": 1, "failure": "code", "message": message}
    shown = told([trial("00001"), result("00001", 1, 0.5), failed], "00001")
    assert "| it ended after epoch 1\n  | …\n  | line 27" in shown
    assert "| line 39" in shown
