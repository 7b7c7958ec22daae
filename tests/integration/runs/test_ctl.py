"""What is asked of a real run by hand: answered while it goes on, kept over a kill, shown at the end."""

from tests.patience import LIMIT_S

from perch.log.asking import ask
from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record import load

from .conftest import results, summary


def test_requests_are_answered_while_the_run_goes_on_and_survive_a_kill(study, tmp_path, perch):
    out, folder = tmp_path / "out", tmp_path / "out" / "r"
    words = ("run", study, "--out", out, "--run-id", "r", "--strategy", "rs", "--trials", "200")
    command = perch(*words, "--watch", env={"TOY_S": "2"})  # a trial lasts 18 s, so there is one to be stopped
    command.until(folder, lambda events: len(results(events)) >= 1)

    def asked(do, **more):
        answer = ask(folder, do, more, wait_s=LIMIT_S)
        return answer.accepted, answer.what

    stopped = next(e["id"] for e in reversed(list(read(RunFolder(folder).events))) if e["e"] == "trial")
    accepted, said = asked("stop", trial=stopped)
    assert accepted and said.startswith(f"trial {stopped} is stopped after epoch")
    assert asked("add", config={"x": 0.31})[0]
    assert asked("keep", trial="199") == (False, "no trial is called '199'")
    assert asked("budget", trials=0, time=None)[0] is False
    code, said = perch("ctl", folder, "budget", "--trials", "150").wait()
    *waited, answer = said.splitlines()
    assert (code, answer) == (0, "the budget is 150 trials")
    assert all(line.startswith("waiting for the run, process ") for line in waited), (
        "a busy run is waited for, and that is said"
    )
    code, said = perch("ctl", folder, "add", "x=7").wait()
    assert code == 2 and "lies outside the search space" in said and "Traceback" not in said
    assert "watch: http://127.0.0.1:" in command.output.read_text()
    command.kill()

    code, said = perch("ctl", folder, "end").wait()
    assert code == 2 and "nobody drives the run 'r' now" in said and "--later" in said
    assert perch("ctl", folder, "end", "--later").wait()[0] == 0
    code, said = perch(*words).wait()
    assert code == 0, said
    events = list(read(RunFolder(folder).events))
    assert [e["reason"] for e in events if e["e"] == "close"] == ["the search was ended by hand"]
    assert [e["config"] for e in events if e["e"] == "trial" and e["by"] == "request"] == [{"x": 0.31}]
    assert [e["budget"]["trials"] for e in events if e["e"] == "attempt"] == [200, 150]
    end = next(i for i, e in enumerate(events) if e.get("failure") == "on_request")
    assert not [e for e in results(events[end:]) if e["id"] == stopped]
    assert [a["do"] for a in summary(folder)["asked_by_hand"]] == ["stop", "add", "budget", "end"]
    row = load(folder).trials.set_index("trial_id").loc[stopped]
    assert (row["status"], row["failure"]) == ("stopped", "on_request")
    assert "Changed by hand while it ran" in (folder / "report.html").read_text()
    assert list((folder / "requests").iterdir()) == []
