"""What the process that drives a run makes of requests: done once, kept over attempts, refused with a reason."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tests.unit.hand_made import study

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.log.requests import Answer, Requests
from perch.log.study_file import load_study
from perch.runs.attempt import Attempt, open_attempt
from perch.runs.close import close
from perch.runs.requests import look_for_requests
from perch.runs.resume import Target, finished
from perch.trainables import Data


def begin(path: Path, **changes: Any) -> Attempt:
    """An attempt at a run of nine trials, as a command begins it."""
    goal = Target.at(RunFolder(path), study(trainable="builtins:print", **changes))
    return open_attempt(goal, Data(None, goal.study, Path()), None, time.monotonic())


def asked(attempt: Attempt, do: str, *, first: bool = False, **words: Any) -> Answer:
    """What the attempt answers."""
    requests = Requests(attempt.folder.path)
    name = requests.put(do, words)
    said: list[str] = []
    look_for_requests(attempt, said.append, first=first)
    answer = requests.answer_to(name)
    assert answer is not None and len(said) == 1
    return answer


def place(attempt: Attempt, trials: int) -> None:
    for _ in range(trials):
        assert attempt.campaign.next_placement(0) is not None


def kinds(attempt: Attempt) -> list[str]:
    return [e["e"] for e in read(attempt.folder.events)]


def test_each_request_is_an_event_and_answered_in_words(tmp_path: Path) -> None:
    attempt = begin(tmp_path / "run")
    place(attempt, 2)
    assert asked(attempt, "stop", trial="0").what == "trial 00000 is stopped after epoch 0"
    assert asked(attempt, "keep", trial="00001").what == "trial 00001 is kept: it trains to epoch 3"
    assert asked(attempt, "add", config={"x": 0.5}).what.startswith("trial 00002 has the configuration")
    assert asked(attempt, "budget", trials=12, time=None).what == "the budget is 12 trials"
    assert asked(attempt, "end").what.startswith("the search is over")
    assert kinds(attempt)[-5:] == ["error", "keep", "trial", "budget", "end"]
    attempt.log.close()


@pytest.mark.parametrize(
    ("do", "words", "says"),
    [
        ("dance", {}, "this is not a request"),
        ("stop", {}, "the request 'stop' cannot be read"),
        ("stop", {"trial": "12"}, "no trial is called '12'"),
        ("add", {"config": 5}, "the request 'add' cannot be read"),
        ("add", {"config": {"x": 2.0}}, "the configuration lies outside the search space"),
        ("budget", {"trials": 0, "time": None}, "the request 'budget' cannot be read"),
        ("budget", {"trials": 1, "time": None}, "a budget of 1 trials is smaller than what is spent"),
    ],
)
def test_what_cannot_be_done_is_refused_and_no_event(tmp_path: Path, do: str, words: dict[str, Any], says: str) -> None:
    attempt = begin(tmp_path / "run")
    place(attempt, 2)
    before = kinds(attempt)
    answer = asked(attempt, do, **words)
    assert not answer.accepted and answer.what == says and answer.why and answer.fix
    assert kinds(attempt) == before
    attempt.log.close()


def test_a_request_that_was_done_before_a_kill_is_not_done_again(tmp_path: Path) -> None:
    """Killed between the event and the answer; the attempt that follows answers."""
    attempt = begin(tmp_path / "run")
    requests = Requests(attempt.folder.path)
    name = requests.put("add", {"config": {"x": 0.5}})
    list(requests.take())
    attempt.campaign.add_trial({"x": 0.5}, name)
    attempt.log.close()
    again = begin(tmp_path / "run")
    look_for_requests(again, lambda said: None, first=True)
    answer = requests.answer_to(name)
    assert answer is not None and answer.accepted
    assert again.campaign.state.started == 1
    again.log.close()


def test_a_request_that_was_taken_but_not_done_before_a_kill_is_done(tmp_path: Path) -> None:
    attempt = begin(tmp_path / "run")
    requests = Requests(attempt.folder.path)
    for do in ("end", "leave"):
        requests.put(do, {})
    list(requests.take())
    attempt.log.close()
    again = begin(tmp_path / "run")
    look_for_requests(again, lambda said: None, first=True)
    assert again.campaign.state.by_hand.search_ended_s is not None
    assert again.campaign.ending is None, "the attempt that was to leave is another one"
    again.log.close()


def test_one_that_was_left_for_later_is_done_and_waits_for_no_reader(tmp_path: Path) -> None:
    attempt = begin(tmp_path / "run")
    requests = Requests(attempt.folder.path)
    requests.put("add", {"config": {"x": 0.5}, "later": True})
    look_for_requests(attempt, lambda said: None, first=True)
    assert attempt.campaign.state.started == 1 and list(requests.path.iterdir()) == []
    attempt.log.close()


def test_leave_ends_the_attempt_as_a_signal_does(tmp_path: Path) -> None:
    attempt = begin(tmp_path / "run")
    assert asked(attempt, "leave").accepted
    outcome = close(attempt)
    assert (outcome.ending, outcome.code) == ("interrupted", 75)
    attempt.log.close()


def test_a_changed_budget_holds_for_later_attempts_of_the_same_command(tmp_path: Path) -> None:
    attempt = begin(tmp_path / "run")
    asked(attempt, "budget", trials=20, time=None)
    assert load_study(attempt.folder).budget.trials == 20
    attempt.log.close()
    for _ in range(2):  # and for those after it
        again = begin(tmp_path / "run")
        assert again.campaign.rules.trials == again.campaign.state.strategy.trials == 20  # type: ignore[attr-defined]
        assert load_study(again.folder).budget.trials == 20
        again.log.close()


def test_a_command_that_allows_something_else_than_before_has_the_last_word(tmp_path: Path) -> None:
    attempt = begin(tmp_path / "run")
    asked(attempt, "budget", trials=20, time=None)
    attempt.log.close()
    again = begin(tmp_path / "run", budget={"trials": 30})
    assert again.campaign.rules.trials == again.campaign.state.strategy.trials == 30  # type: ignore[attr-defined]
    again.log.close()


def test_a_run_that_spent_its_changed_budget_is_finished_for_the_same_command(tmp_path: Path) -> None:
    attempt = begin(tmp_path / "run")
    asked(attempt, "budget", trials=20, time=None)
    attempt.campaign.emit(e="close", why="done", reason="")
    attempt.log.close()
    attempt.folder.summary.write_text("{}")
    assert finished(Target.at(attempt.folder, study()))
    assert not finished(Target.at(attempt.folder, study(budget={"trials": 21})))


def test_a_larger_budget_goes_on_with_a_search_that_was_ended_by_hand(tmp_path: Path) -> None:
    attempt = begin(tmp_path / "run")
    asked(attempt, "end")
    attempt.log.close()
    again = begin(tmp_path / "run")
    assert again.campaign.time_is_up, "it was killed before the end, and is still to end"
    again.log.close()
    more = begin(tmp_path / "run", budget={"trials": 30})
    assert not more.campaign.time_is_up
    more.log.close()
