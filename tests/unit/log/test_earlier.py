"""What a log says of the attempts so far."""

import json

import pytest

from perch.log.earlier import Earlier, earlier

RESULT = {"e": "result", "id": "00000"}


def attempt(number, *before):
    accepts = {str(n): sum(len(json.dumps(e)) + 1 for e in events) for n, events in enumerate(before, 1)}
    return {"e": "attempt", "n": number, "workers": 32, "accepts_bytes": accepts}


@pytest.fixture
def said(tmp_path):
    """What is said of attempts with these events."""

    def write(*attempts):
        for number, events in enumerate(attempts, 1):
            lines = "".join(json.dumps(event) + "\n" for event in events)
            (tmp_path / f"{number:03d}.jsonl").write_text(lines)
        return earlier(tmp_path)

    return write


def test_a_new_run_has_none(tmp_path):
    assert earlier(tmp_path / "absent") == earlier(tmp_path) == Earlier({}, {}, None)


def test_the_first_and_the_last_attempt_and_how_the_last_ended(said):
    one = [attempt(1), RESULT, {"e": "close", "why": "interrupted"}]
    two = [attempt(2, one), RESULT, {"e": "close", "why": "done"}]
    assert said(one, two) == Earlier(one[0], two[0], "done")


def test_an_attempt_that_was_killed_has_not_ended_whatever_the_one_before_it_did(said):
    one = [attempt(1), {"e": "close", "why": "done"}]
    two = [attempt(2, one), RESULT]
    assert said(one, two) == Earlier(one[0], two[0], None)
