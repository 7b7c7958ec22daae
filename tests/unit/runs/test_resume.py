"""Going on with a run: what a larger budget means, and what was decided once and holds for all attempts."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.hand_made import study

from perch.errors import StudyError
from perch.log.folder import RunFolder
from perch.runs.attempt import Attempt, open_attempt
from perch.runs.resolve import resolved
from perch.runs.resume import Target, asks_for_more, check_data, finished, planned_workers, target
from perch.study import Study, parse
from perch.trainables import Data

FUNCTION = "builtins:print"
"""A trainable that can be imported anywhere and is never called here."""


def asked(**changes: Any) -> Study:
    return study(strategy="rs", trainable=FUNCTION, confirm={"top": 1, "seeds": 1}, **changes)


def goal(path: Path, spec: Study) -> Target:
    return Target.at(RunFolder(path), spec)


def attempt(path: Path, spec: Study, prepared: Any = None) -> Attempt:
    return open_attempt(goal(path, spec), Data(prepared, spec, path), None, time.monotonic())


def train(one: Attempt, until: int) -> None:
    """Take every placement that there is to its last epoch; stop in the middle of the confirmation, unclosed."""
    with contextlib.closing(one.log):
        _train(one, until)


def _train(one: Attempt, until: int) -> None:
    campaign = one.campaign
    while (placement := campaign.next_placement(0)) is not None:
        for epoch in range(1, until + 1):
            campaign.result(placement.trial, placement.segment, epoch, {"loss": 1.0 / epoch})
            if campaign.state.confirming:
                return


def test_a_larger_budget_while_the_first_is_being_confirmed_goes_on_searching(tmp_path: Path) -> None:
    train(attempt(tmp_path / "r", asked(budget={"trials": 2})), 3)
    again = attempt(tmp_path / "r", asked(budget={"trials": 4}))
    assert again.campaign.state.last_attempt["extends"] is True
    assert again.campaign.state.confirming == []
    train(again, 3)
    assert again.campaign.state.started == 4


def test_the_same_budget_goes_on_confirming(tmp_path: Path) -> None:
    train(attempt(tmp_path / "r", asked(budget={"trials": 2})), 3)
    again = attempt(tmp_path / "r", asked(budget={"trials": 2}))
    assert again.campaign.state.last_attempt["extends"] is False
    assert again.campaign.state.confirming != []
    again.log.close()


@pytest.mark.parametrize(
    ("before", "now", "more"),
    [
        ({"trials": 10, "time": None}, {"trials": 11}, True),
        ({"trials": 10, "time": None}, {"trials": 10}, False),
        ({"trials": 10, "time": None}, {"trials": 9}, False),
        ({"trials": None, "time": 60.0}, {"time": "2m"}, True),
        ({"trials": None, "time": 60.0}, {"time": "1m"}, False),
        ({"trials": 10, "time": 60.0}, {"time": "1m"}, True),
    ],
)
def test_what_asks_for_more(before: dict[str, Any], now: dict[str, Any], more: bool) -> None:
    spec = asked(budget=now)
    assert asks_for_more({"budget": before, "confirm": spec.confirm.model_dump()}, spec) is more


def test_a_run_that_ended_by_itself_is_finished_under_the_same_budget_only(tmp_path: Path) -> None:
    one = attempt(tmp_path / "r", asked(budget={"trials": 2}))
    one.campaign.emit(e="close", why="done", reason="")
    one.log.close()
    assert not finished(goal(tmp_path / "r", asked(budget={"trials": 2}))), "its record was not written"
    (tmp_path / "r" / "summary.json").write_text("{}")
    assert finished(goal(tmp_path / "r", asked(budget={"trials": 2})))
    assert not finished(goal(tmp_path / "r", asked(budget={"trials": 3})))


def test_the_workers_that_a_strategy_plans_for_are_those_of_the_first_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setenv("PERCH_WORKERS", "32")
    attempt(tmp_path / "r", asked()).log.close()
    monkeypatch.setenv("PERCH_WORKERS", "2")
    assert planned_workers(asked(), goal(tmp_path / "r", asked()).earlier.first) == 32
    assert planned_workers(asked(), goal(tmp_path / "another", asked()).earlier.first) == 2


class Prepared:
    """Data with a fingerprint; split, baselines and length as ``Prepared`` has them."""

    baselines: dict[str, float] = {}  # noqa: RUF012
    baselines_test: dict[str, float] = {}  # noqa: RUF012

    def __init__(self, fingerprint: str, structures: int) -> None:
        self.fingerprint, self._structures = fingerprint, structures
        self.splits = [SimpleNamespace(train=[0], validation=[1], test=[2])]

    def __len__(self) -> int:
        return self._structures


def test_data_that_changed_between_two_attempts_are_refused_with_what_changed(tmp_path: Path) -> None:
    attempt(tmp_path / "r", asked(), Prepared("aaaaaaaaaaaa", 100)).log.close()
    found = goal(tmp_path / "r", asked())
    check_data(found, Prepared("aaaaaaaaaaaa", 100), False)
    with pytest.raises(StudyError, match="the data of the run 'r' have changed since it began") as refused:
        check_data(found, Prepared("bbbbbbbbbbbb", 99), False)
    assert "100 structures" in refused.value.why and "99" in refused.value.why
    assert "--allow-changed-data" in refused.value.fix and refused.value.exit_code == 2
    check_data(found, Prepared("bbbbbbbbbbbb", 99), True)


def test_data_once_allowed_are_not_asked_for_again(tmp_path: Path) -> None:
    attempt(tmp_path / "r", asked(), Prepared("aaaaaaaaaaaa", 100)).log.close()
    attempt(tmp_path / "r", asked(), Prepared("bbbbbbbbbbbb", 99)).log.close()
    found = goal(tmp_path / "r", asked())
    for prepared in (Prepared("aaaaaaaaaaaa", 100), Prepared("bbbbbbbbbbbb", 99)):
        check_data(found, prepared, False)
    with pytest.raises(StudyError, match="have changed"):
        check_data(found, Prepared("cccccccccccc", 98), False)


def test_points_of_another_run_are_looked_up_once(tmp_path: Path) -> None:
    """The source may have gone on, or be gone, when the run is resumed."""
    source = attempt(tmp_path / "source", asked(budget={"trials": 1}))
    train(source, 3)
    spec = parse({**asked().model_dump(by_alias=True), "points": {"from": str(tmp_path / "source"), "top": 1}})
    first = resolved(spec)
    assert len(first.points) == 1
    attempt(tmp_path / "r", first).log.close()
    (tmp_path / "source" / "study.yaml").unlink()
    found = target(spec, tmp_path, "r", resume=False)
    assert found.earlier.first and found.study.points == first.points
