"""The simulated driver: its whole log, by hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from tests.patience import LIMIT_S

from perch.errors import StrategyError, TrialError
from perch.simulate import Curves, Delays, PowerLaw, simulate
from perch.space import parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.strategies.scheduler import Scheduler
from perch.strategies.strategy import GO, STOP, Action, Answer, Decision, Event, Exploit, New, Resume, Strategy

SPACE = parse_space({"lr": {"float": [0.1, 0.2]}})


@dataclass(frozen=True)
class Table(Curves):
    """Value by trial, the same at every epoch; two seconds an epoch."""

    values: tuple[float, ...]

    def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        return self.values[int(trial)]

    def seconds(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        return 2.0


def brief(events: Any) -> list[str]:
    """Time, kind and what matters, of all but the accounts."""
    out = []
    for e in events:
        words = [f"{e['used_s']:g}", e["e"], e.get("id", ""), str(e.get("epoch", "")), e.get("d", e.get("why", ""))]
        if e["e"] not in ("attempt", "spent"):
            out.append(" ".join(w for w in words if w))
    return out


def test_the_whole_log_of_two_workers_and_three_trials() -> None:
    """The second is worse than the first at epoch 1; the third diverges."""
    log = list(simulate(build("asha", Plan(SPACE, 2, 3)), Table((0.5, 0.7, float("nan"))), workers=2))
    assert brief(log) == [
        "0 trial 00000",
        "0 start 00000",
        "0 trial 00001",
        "0 start 00001",
        "2 result 00000 1 go",
        "2 result 00001 1 stop",
        "2 trial 00002",
        "2 start 00002",
        "4 result 00000 2 stop",
        "4 error 00002 0",
        "4 close done",
    ]
    assert log[1] == {
        "e": "trial", "id": "00000", "i": 0, "config": SPACE.draw(0, 0), "bracket": 0, "by": "random", "seen": 0,
        "ask_s": 0.0, "used_s": 0.0,
    }  # fmt: skip
    assert next(e for e in log if e["e"] == "result") == {
        "e": "result", "id": "00000", "seg": 0, "epoch": 1, "value": 0.5, "d": "go", "rung": 1, "rank": 1, "size": 1,
        "m": {"validation_mae_ev": 0.5, "epoch_s": 2.0}, "used_s": 2.0,
    }  # fmt: skip
    assert [e["seen"] for e in log if e["e"] == "trial"] == [0, 0, 2]


def test_every_delay_is_paid_where_it_belongs() -> None:
    delays = Delays(start_s=10.0, turnover_s=1.0, suggest_s=0.5)
    log = list(simulate(build("rs", Plan(SPACE, 1, 2)), Table((0.5, 0.5)), workers=1, delays=delays))
    assert brief(log) == [
        "0 trial 00000",
        "0 start 00000",
        "12.5 result 00000 1 stop",
        "12.5 trial 00001",
        "12.5 start 00001",
        "16 result 00001 1 stop",
        "16 close done",
    ]
    spent = [e for e in log if e["e"] == "spent"]
    assert [(e["starting_s"], e["training_s"]) for e in spent] == [(10.0, 2.0), (1.0, 2.0)]


def test_a_time_budget_cuts_exactly_there() -> None:
    log = list(simulate(build("rs", Plan(SPACE, 10, None)), Table((0.5,) * 9), workers=1, time_s=7.0))
    assert brief(log)[-2:] == ["6 result 00000 3 go", "7 close budget"]


class Script(Strategy):
    """A strategy that answers from a script: what to ask for in turn, and what to decide at (trial, epoch).

    A resume waits until its trial does.
    """

    def __init__(self, answers: list[Answer], decisions: dict[tuple[str, int], Decision]) -> None:
        self.answers, self.decisions = answers, decisions
        self.useless: tuple[tuple[str, int, int], ...] = ()
        self.next = 0
        self.paused: set[str] = set()

    def ask(self, now_s: float) -> Answer:
        answer = self.answers[self.next] if self.next < len(self.answers) else None
        return None if isinstance(answer, Resume) and answer.trial not in self.paused else answer

    def tell(self, trial: str, epoch: int, value: float, now_s: float) -> Decision:
        return self.decisions.get((trial, epoch), GO)

    def applied(self, event: Event) -> None:
        self.next += event["e"] in ("trial", "promote")
        if event.get("d") == "pause":
            self.paused.add(event["id"])

    def surplus(self) -> tuple[tuple[str, int, int], ...]:
        return self.useless


NEW = New({"lr": 0.1})


def script(answers: list[Answer], decisions: dict[tuple[str, int], Decision], **options: Any) -> list[str]:
    """The log of a script, without the error that ends a strategy with nothing to say."""
    out: list[dict[str, Any]] = []
    with pytest.raises(StrategyError, match="nothing to do"):
        out.extend(simulate(Script(answers, decisions), Table((0.5, 0.6)), **{"workers": 1, **options}))
    return brief(out)


def test_a_pause_frees_its_worker_once_the_checkpoint_is_there_and_a_resume_starts_from_it() -> None:
    pause = Decision(Action.PAUSE)
    log = script(
        [NEW, NEW, Resume("00000")],
        {("00000", 1): pause, ("00001", 1): STOP, ("00000", 2): STOP},
        delays=Delays(save_s=0.5, load_s=0.25),
    )
    assert log == [
        "0 trial 00000",
        "0 start 00000",
        "2 result 00000 1 pause",
        "2.5 checkpoint 00000 1",
        "2.5 trial 00001",
        "2.5 start 00001",
        "4.5 result 00001 1 stop",
        "4.5 promote 00000",
        "4.5 start 00000",
        "6.75 result 00000 2 stop",
    ]


def test_without_a_checkpoint_the_epochs_are_trained_again_and_not_reported_again() -> None:
    pause = Decision(Action.PAUSE, checkpoint=False)
    log = script(
        [NEW, Resume("00000")], {("00000", 1): GO, ("00000", 2): pause, ("00000", 3): STOP}, delays=Delays(save_s=9.0)
    )
    assert log[-3:] == ["4 promote 00000", "4 start 00000", "10 result 00000 3 stop"]


def test_a_resume_waits_for_its_own_checkpoint() -> None:
    """Another worker is free while the paused trial still saves."""
    log = script(
        [NEW, Resume("00000")], {("00000", 1): Decision(Action.PAUSE), ("00000", 2): STOP}, workers=2,
        delays=Delays(save_s=3.0),
    )  # fmt: skip
    assert log[-4:] == ["2 promote 00000", "5 checkpoint 00000 1", "5 start 00000", "7 result 00000 2 stop"]


def test_a_trial_that_does_not_wait_cannot_be_resumed() -> None:
    strategy = Script([NEW, Resume("00000")], {})
    strategy.paused.add("00000")
    with pytest.raises(StrategyError, match="trial 00000 cannot be resumed"):
        list(simulate(strategy, Table((0.5,)), workers=2))


def test_a_save_delays_the_next_epoch() -> None:
    log = script([NEW], {("00000", 1): Decision(Action.SAVE), ("00000", 2): STOP}, delays=Delays(save_s=0.5))
    assert log[2:] == ["2 result 00000 1 save", "2.5 checkpoint 00000 1", "4.5 result 00000 2 stop"]


def test_an_exploit_goes_on_from_the_donors_epoch_in_a_new_segment() -> None:
    exploit = Decision(Action.EXPLOIT, exploit=Exploit("00000", 0, 1, {"lr": 0.2}))
    strategy = Script([NEW, NEW], {("00000", 1): Decision(Action.SAVE), ("00001", 3): exploit, ("00000", 4): STOP})
    log = list(simulate(strategy, Table((0.5, 0.6)), workers=2, time_s=9.0))
    mine = [e for e in log if e.get("id") == "00001" and e["e"] == "result"]
    assert [(e["seg"], e["epoch"], e["used_s"]) for e in mine] == [(0, 1, 2.0), (0, 2, 4.0), (0, 3, 6.0), (1, 2, 8.0)]
    assert mine[2]["x"] == {"donor": "00000", "seg": 0, "epoch": 1, "config": {"lr": 0.2}}


def test_an_exploit_of_a_checkpoint_that_is_not_there_is_an_error() -> None:
    exploit = Decision(Action.EXPLOIT, exploit=Exploit("00000", 0, 1, {"lr": 0.2}))
    with pytest.raises(StrategyError, match="exploits a checkpoint that is not there"):
        list(simulate(Script([NEW, NEW], {("00001", 3): exploit}), Table((0.5, 0.6)), workers=2))


def test_surplus_checkpoints_are_dropped_once() -> None:
    strategy = Script([NEW], {("00000", k): Decision(Action.SAVE) for k in (1, 2)})
    strategy.useless = (("00000", 0, 1),)
    log = brief(simulate(strategy, Table((0.5,)), workers=1, time_s=7.0))
    assert log.count("4 drop 00000 1") == 1, "not before the running trial has left a newer one to start from"
    assert sum("drop" in line for line in log) == 1


def test_a_trial_that_raises_is_a_row_and_not_the_end() -> None:
    class Failing(Table):
        def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
            if trial == "00000":
                raise TrialError("out of memory")
            return 0.5

    log = list(simulate(Scheduler(Plan(SPACE, 1, 2)), Failing(()), workers=1))
    errors = [e for e in log if e["e"] == "error"]
    assert [(e["id"], e["failure"], e["message"]) for e in errors] == [("00000", "code", "out of memory")]
    assert log[-1]["why"] == "done"


CODE = """
import hashlib, json
from perch.simulate import Delays, PowerLaw, simulate
from perch.space import parse_space
from perch.strategies.registry import Plan, build
space = parse_space({"lr": {"float": [0.001, 0.1], "log": True}, "width": {"int": [1, 64]}})
log = simulate(build("pbt", Plan(space, 20, 12)), PowerLaw(space, diverging=0.1), workers=5, delays=Delays(save_s=0.1))
print(hashlib.sha256(json.dumps(list(log)).encode()).hexdigest())
"""


def test_other_processes_write_the_same_log_to_the_last_byte() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", CODE],
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT_S,
            env={"PYTHONHASHSEED": s},
        ).stdout
        for s in ("1", "2")
    }
    assert len(digests) == 1


def test_more_workers_finish_sooner() -> None:
    curves = PowerLaw(SPACE)
    ends = [list(simulate(build("asha", Plan(SPACE, 27, 100)), curves, workers=n))[-1]["used_s"] for n in (1, 4, 16)]
    assert ends[0] > 3 * ends[1] > 6 * ends[2]
