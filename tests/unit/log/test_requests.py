"""Requests are files that only their owner may write, taken once, answered once."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.patience import eventually
from tests.unit.hand_made import run_folder, study

from perch.errors import PerchError, RecordError, RequestError
from perch.log.asking import ask
from perch.log.requests import MOST_BYTES, Answer, Requests


def test_a_request_is_taken_once_and_its_answer_read_once(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    name = requests.put("stop", {"trial": "00007"})
    [taken] = requests.take()
    assert (taken["id"], taken["do"], taken["trial"]) == (name, "stop", "00007")
    assert list(requests.take()) == [] and not requests.withdraw(name)
    assert requests.answer_to(name) is None
    requests.answer(name, Answer(False, "no", "because", "do this"))
    assert requests.answer_to(name) == Answer(False, "no", "because", "do this")
    assert list(requests.path.iterdir()) == []


def test_only_the_owner_can_read_and_write_them(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    requests.put("end", {})
    [file] = requests.path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(requests.path.stat().st_mode) == 0o700


def test_a_request_can_be_taken_back_until_it_is_taken(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    assert requests.withdraw(requests.put("end", {}))
    assert list(requests.take()) == []


def test_they_come_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    for k in range(5):
        (requests.path).mkdir(exist_ok=True)
        (requests.path / f"{1000 + k:013d}-aa.json").write_text(json.dumps({"do": "stop", "trial": str(k)}))
    assert [r["trial"] for r in requests.take()] == ["0", "1", "2", "3", "4"]


def test_what_an_attempt_took_without_an_answer_is_found_by_the_next_one(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    name = requests.put("keep", {"trial": "1"})
    list(requests.take())
    assert list(requests.take()) == []
    assert [r["id"] for r in requests.take(left_over=True)] == [name]
    requests.answer(name, Answer(True, "done"))
    assert list(requests.take(left_over=True)) == []


@pytest.mark.parametrize("text", ["no JSON", "[1]", json.dumps({"do": "end", "x": "y" * MOST_BYTES})])
def test_what_is_no_request_says_so(tmp_path: Path, text: str) -> None:
    requests = Requests(tmp_path)
    requests.path.mkdir()
    (requests.path / "0000000000001-aa.json").write_text(text)
    [taken] = requests.take()
    assert taken["refused"] == "the file holds no request" and "do" not in taken


def test_a_file_of_another_user_is_no_request(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    requests.path.mkdir()
    file = requests.path / "0000000000001-aa.json"
    file.write_text(json.dumps({"do": "end"}))
    try:
        os.chown(file, 12345, 12345)
    except PermissionError:
        pytest.skip("only root can make a file of another user")
    [taken] = requests.take()
    assert taken["refused"].startswith("it is a file of user 12345")


def attempt(**facts: Any) -> dict[str, Any]:
    return {"e": "attempt", "host": "elsewhere", "pid": 7, "budget": {"trials": 9, "time": None}, **facts}


def test_the_answer_of_whoever_drives_the_run_comes_back(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", study(), [attempt()])
    requests = Requests(folder.path)

    def drive() -> None:
        [request] = eventually(lambda: list(requests.take()), "no request came")
        requests.answer(request["id"], Answer(True, f"{request['do']} {request['trial']}"))

    driver = threading.Thread(target=drive)
    driver.start()
    assert ask(folder.path, "stop", {"trial": "3"}) == Answer(True, "stop 3")
    driver.join()
    assert list(requests.path.iterdir()) == []


@pytest.mark.parametrize(
    ("events", "why", "fix"),
    [
        ([attempt(), {"e": "close", "why": "done", "used_s": 1.0}], "it is done", "--trials N"),
        ([attempt(), {"e": "close", "why": "interrupted", "used_s": 1.0}], "has ended: interrupted", "--later"),
        ([attempt(host=os.uname().nodename, pid=2**22 + 1)], "was killed", "--later"),
    ],
)
def test_a_run_that_nobody_drives_is_one_clear_error_and_nothing_is_left(
    tmp_path: Path, events: list[Any], why: str, fix: str
) -> None:
    folder = run_folder(tmp_path / "run", study(), events)
    with pytest.raises(RequestError, match="nobody drives the run 'run' now") as refused:
        ask(folder.path, "end", {})
    assert why in refused.value.why and fix in refused.value.fix and refused.value.exit_code == 2
    assert "--run-id run" in refused.value.fix
    assert not (folder.path / "requests").exists()


def test_for_whoever_resumes_it_a_request_is_left(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", study(), [attempt(), {"e": "close", "why": "interrupted", "used_s": 1.0}])
    assert "when the run is resumed" in ask(folder.path, "keep", {"trial": "3"}, later=True).what
    assert [r["do"] for r in Requests(folder.path).take(left_over=True)] == ["keep"]
    with pytest.raises(RequestError, match="nobody drives"):
        ask(folder.path, "leave", {}, later=True)


def test_one_that_does_not_answer_is_an_error_and_the_request_is_taken_back(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", study(), [attempt()])
    said: list[str] = []
    with pytest.raises(RequestError, match="does not answer") as refused:
        ask(folder.path, "end", {}, wait_s=1.2, waiting=said.append)
    assert "process 7 on elsewhere" in refused.value.why and said == ["waiting for the run, process 7 on elsewhere"]
    assert list(Requests(folder.path).path.iterdir()) == []


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is not a run"):
        ask(tmp_path / "gone", "end", {})
    with pytest.raises(PerchError):
        ask(tmp_path, "end", {})
