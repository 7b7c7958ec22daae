"""How a run can end: every row of the table has its state, code, words and next command, and every end finds its row."""

import errno
import json
import os
import re
from pathlib import Path

import pytest

from perch.campaign.campaign import Campaign
from perch.campaign.clock import WallClock
from perch.campaign.confirmation import Confirmation
from perch.campaign.rules import Rules
from perch.engine.inline import InlineEngine
from perch.errors import ClusterError
from perch.formatting import gist
from perch.log.events import EventLog, read
from perch.log.folder import RunFolder
from perch.record import write
from perch.runs import close as closing_module
from perch.runs.attempt import Attempt
from perch.runs.close import close, end_by, finish_record, how_it_ended
from perch.runs.last_lines import closing
from perch.runs.outcome import ENDINGS, Outcome
from perch.runs.resume import Target, finished, replay
from perch.study import dump, parse
from perch.trainables import Data, kind_of


def study(**changes):
    spec = {
        "name": "toy", "trainable": "toy:Toy", "metric": "loss", "epochs": 9, "space": {"x": {"float": [0.0, 1.0]}},
        "budget": {"trials": 4}, "confirm": {"top": 0}, "strategy": "rs", "log": [],
    }  # fmt: skip
    return parse({**spec, **changes})


def well(config, trial, epoch, memory):
    return {"loss": 1.0 / epoch}


def start(path, spec, step=well):
    """An attempt that has trained; what is left to do is its end."""
    folder = RunFolder(path)
    folder.path.mkdir(exist_ok=True)
    folder.study.write_text(dump(spec))
    log = EventLog(folder.events)
    state, clock = replay(spec, folder, log), WallClock()
    clock.start(state.used_s)
    confirmation = Confirmation(log, 0, 1)
    campaign = Campaign(Rules.of(spec), state, log, clock, folder, confirmation)
    accepts = {str(k): v for k, v in log.accepts.items()}
    campaign.emit(
        e="attempt",
        n=log.attempt,
        accepts_bytes=accepts,
        budget=spec.budget.model_dump(),
        confirm=spec.confirm.model_dump(),
    )
    if step is not None:
        InlineEngine(campaign, folder, log.attempt, step).fit()
    return Attempt(kind_of(spec), folder, campaign, log, None, Data(None, spec, path))


def goal(attempt):
    return Target.at(attempt.folder, attempt.study)


def failing(config, trial, epoch, memory):
    raise FileNotFoundError("/data/train.npz")


def failing_later(config, trial, epoch, memory):
    if epoch == 2:
        raise ValueError("wrong")
    return {"loss": 1.0}


def diverging(config, trial, epoch, memory):
    return {"loss": float("nan")}


def one_works(config, trial, epoch, memory):
    if trial != "00003":
        raise ValueError("wrong")
    return {"loss": 1.0}


@pytest.mark.parametrize(
    ("changes", "step", "ending", "why"),
    [
        ({}, well, "done", "every trial has ended"),
        ({}, one_works, "done", "every trial has ended"),
        ({}, failing, "all_failed", "all 4 trials failed; the first with: FileNotFoundError('/data/train.npz')"),
        ({}, failing_later, "all_failed", "all 4 trials failed; the first with: ValueError('wrong')"),
        ({}, diverging, "nothing", "no trial reported a result (4 diverged)"),
        ({"budget": {"time": "0.000001s"}}, None, "short", "the time budget of 0 s was used up before a trial reported a result"),
        ({"max_failed_trials": 2}, failing, "hopeless", "2 of 2 trials failed; the first with: FileNotFoundError"),
    ],
)  # fmt: skip
def test_what_ended_by_itself_is_done_only_if_it_has_something_to_show(tmp_path, changes, step, ending, why):
    attempt = start(tmp_path / "r", study(**changes), step)
    if step is None:
        assert attempt.campaign.next_placement(0) is None
    assert how_it_ended(attempt.campaign)[0] == ending
    outcome = close(attempt)
    assert (outcome.ending, outcome.code) == (ending, ENDINGS[ending].code)
    assert why in outcome.why
    assert goal(attempt).earlier.closed == ENDINGS[ending].state
    attempt.log.close()


def test_waiting_trials_are_no_failed_ones(tmp_path):
    """Under promotion most trials end paused; one failure among them is a row."""

    def first_fails(config, trial, epoch, memory):
        if trial == "00000":
            raise ValueError("wrong")
        return {"loss": 1.0}

    attempt = start(tmp_path / "r", study(strategy="asha-promote"), first_fails)
    assert any(t.status == "paused" for t in attempt.campaign.state.live.values())
    assert close(attempt).ending == "done"
    attempt.log.close()


@pytest.mark.parametrize(
    ("error", "ending", "why"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "full", "the disk is full"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "full", "the disk quota is used up"),
        (OSError(errno.ESTALE, os.strerror(errno.ESTALE)), "storage", "cannot be written: Stale file handle"),
        (KeyboardInterrupt(), "interrupted", "SIGINT"),
        (ClusterError("no Ray", why="because", fix="do"), "failed", "no Ray\nwhy: because\nfix: do"),
        (ZeroDivisionError("division by zero"), "failed", "ZeroDivisionError: division by zero"),
    ],
)
def test_what_breaks_a_run_is_in_its_record(tmp_path, error, ending, why):
    attempt = start(tmp_path / "r", study(), None)
    end_by(attempt.campaign, error, str(attempt.folder.path))
    outcome = close(attempt)
    assert outcome.ending == ending
    assert why in outcome.why
    write(attempt.folder)
    assert json.loads(attempt.folder.summary.read_text())["status"] == ENDINGS[ending].state != "running"
    attempt.log.close()


@pytest.mark.parametrize("name", ENDINGS)
def test_every_ending_says_what_happened_and_what_to_do(tmp_path, name):
    attempt = start(tmp_path / "r", study())
    close(attempt)
    attempt.log.close()
    write(attempt.folder)
    lines = list(closing(Outcome(attempt.folder, name, "REASON", kept="9 results of 4 trials", trial="00002")))
    row = ENDINGS[name]
    assert row.state in ("done", "failed", "interrupted", "superseded")
    assert row.code == {"done": 0, "interrupted": 75}.get(row.state, 1)
    if name != "done":
        assert "REASON" in lines[0]
        assert all(str(attempt.folder.path) in line or "perch" in line or "correct" in line for line in lines[1:])
        assert 2 <= len(lines) <= 3
    if row.state == "interrupted":
        assert any("perch run" in line and "--run-id r" in line for line in lines)


def test_the_first_error_is_one_line_whatever_the_message_holds():
    trace = 'ray::T.train() (pid=1)\n  File "a.py", line 3, in step\n    x()\nValueError: wrong: here\nmore of it'
    assert gist(trace) == "ValueError: wrong: here"
    assert (
        gist('Traceback\n  File "t.py", line 9, in save_checkpoint\n    raise\nNotImplementedError')
        == "NotImplementedError (in save_checkpoint)"
    )
    assert gist("a.b.DataError: no features\n") == "a.b.DataError: no features"
    assert gist("it says\nmany things") == "it says"
    assert gist("") == ""


class Process:
    def __init__(self, code=0):
        self.code = code

    def wait(self):
        return self.code


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_on_a_full_disk_the_end_is_told_and_the_summary_still_says_so(tmp_path, monkeypatch):
    attempt = start(tmp_path / "r", study())
    end_by(attempt.campaign, OSError(errno.ENOSPC, "No space left on device"), str(attempt.folder.path))
    outcome = close(attempt)
    monkeypatch.setattr("perch.record.write", full)
    assert finish_record(attempt, outcome, Process(1)).ending == "full"
    assert json.loads(attempt.folder.summary.read_text())["status"] == "interrupted"
    attempt.log.close()


def test_a_disk_that_fills_while_the_record_is_written_is_no_traceback_and_the_run_is_not_finished(
    tmp_path, monkeypatch
):
    attempt = start(tmp_path / "r", study())
    outcome = close(attempt)
    write(attempt.folder)
    assert finished(goal(attempt))
    monkeypatch.setattr(closing_module, "_finish", full)
    ended = finish_record(attempt, outcome, Process())
    assert (ended.ending, ended.code) == ("full", 75)
    assert not finished(goal(attempt)), "the same command makes the record"
    attempt.log.close()


def test_an_end_that_cannot_be_logged_is_told_all_the_same(tmp_path, monkeypatch):
    attempt = start(tmp_path / "r", study())
    monkeypatch.setattr(attempt.log, "append", full)
    outcome = close(attempt)
    assert (outcome.ending, outcome.code) == ("full", 75)
    assert "00000" not in outcome.why and "36 results of 4 trials" in outcome.kept
    assert [e for e in read(attempt.folder.events) if e["e"] == "close"] == []
    monkeypatch.undo()
    attempt.log.close()


def test_the_table_of_the_documentation_is_that_of_the_code():
    page = (Path(__file__).parents[3] / "docs" / "reference" / "run-folder.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\d+) \|", page, re.MULTILINE)
    assert {name: (state, int(code)) for name, state, code in rows} == {
        name: (row.state, row.code) for name, row in ENDINGS.items()
    }
