"""What a log says of the attempts so far."""

from perch.log.earlier import Earlier, earlier

FIRST = {"e": "attempt", "n": 1, "workers": 32}
SECOND = {"e": "attempt", "n": 2, "workers": 32}
RESULT = {"e": "result", "id": "00000"}


def test_a_new_run_has_none():
    assert earlier([]) == Earlier({}, {}, None)


def test_the_first_and_the_last_attempt_and_how_the_last_ended():
    events = [FIRST, RESULT, {"e": "close", "why": "interrupted"}, SECOND, RESULT, {"e": "close", "why": "done"}]
    assert earlier(events) == Earlier(FIRST, SECOND, "done")


def test_an_attempt_that_was_killed_has_not_ended_whatever_the_one_before_it_did():
    assert earlier([FIRST, {"e": "close", "why": "done"}, SECOND, RESULT]) == Earlier(FIRST, SECOND, None)
