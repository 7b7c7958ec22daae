"""Options become a request on this machine; what is wrong is said before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.clusters.kubernetes.request import LONGEST_NAME, MARGIN_S, Request, default_run_id, from_options
from perch.errors import PerchError
from perch.overrides import override
from perch.study import load

NOW = datetime(2026, 11, 24, 23, 59, 1, tzinfo=UTC)


def request(study: Path | None = None, **options: Any) -> Request:
    """Return a request with the options of a bare ``perch k8s submit``."""
    bare: dict[str, Any] = {
        "run_id": "oh", "strategy": "", "trials": None, "time_budget": "", "seed": None, "overrides": [],
    }  # fmt: skip
    return from_options(study=study, **{**bare, **options})


def test_options_travel_as_perchs_own() -> None:
    made = request(strategy="rs", trials=4, time_budget="1h30m", seed=7, overrides=["epochs=9"])
    assert made.arguments == [
        "--strategy", "rs", "--trials", "4", "--time-budget", "1h30m", "--seed", "7", "--set", "epochs=9",
    ]  # fmt: skip


def test_the_deadline_is_the_budget_and_a_margin() -> None:
    assert request(time_budget="1h30m").deadline_s == 5400 + MARGIN_S


def test_the_study_travels_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("# mine\nname: oh\nbudget: {time: 10m}\n")
    made = request(path)
    assert made.study == path.read_text()
    assert made.deadline_s == 600 + MARGIN_S


@pytest.mark.parametrize(
    ("options", "deadline_s"),
    [
        ({}, 36000),
        ({"trials": 500}, None),  # as for perch run: trials alone mean no limit of time
        ({"time_budget": "20h"}, 72000),
        ({"trials": 5, "time_budget": "1h"}, 3600),
        ({"overrides": ["budget.time=3h"]}, 10800),
        ({"overrides": ["budget={trials: 7}"]}, None),
        ({"overrides": ["budget.time=3h"], "trials": 9}, None),
    ],
)
def test_a_budget_on_the_command_line_replaces_the_studys_as_it_does_for_the_run(
    tmp_path: Path, options: dict[str, Any], deadline_s: int | None
) -> None:
    """Else the operator would end the job by the deadline of a budget that the run does not have."""
    path = tmp_path / "study.yaml"
    path.write_text("name: oh\nbudget: {trials: 100, time: 10h}\n")
    made = request(path, **options)
    assert made.deadline_s == (None if deadline_s is None else deadline_s + MARGIN_S)
    there = load(
        path, override(_set(made.arguments), **_named(made.arguments))
    )  # what the command in the pod makes of it
    assert there.budget.time == deadline_s


def _set(arguments: Sequence[str]) -> list[str]:
    return [value for option, value in pairwise(arguments) if option == "--set"]


def _named(arguments: Sequence[str]) -> dict[str, Any]:
    given = dict(pairwise(arguments))
    trials = given.get("--trials")
    return {"trials": None if trials is None else int(trials), "time_budget": given.get("--time-budget")}


@pytest.mark.parametrize("wrong", [{"strategy": "ashaa"}, {"overrides": ["epochz=3"]}, {"time_budget": "soon"}])
def test_a_wrong_study_is_refused_here(wrong: dict[str, Any]) -> None:
    with pytest.raises(PerchError):
        request(**wrong)


@given(st.text(max_size=90), st.text(max_size=30))
def test_a_default_run_id_is_always_a_name_that_the_operator_takes(name: str, strategy: str) -> None:
    made = default_run_id(name, strategy, NOW)
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", made)
    assert len(made) <= LONGEST_NAME
    assert made.endswith("1124-235901")
