"""``summary.json`` from hand-made lists of events."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.hand_made import result, study, trial

from perch.record.summary import summary
from perch.record.tables import Tables

ATTEMPT = {
    "e": "attempt", "n": 1, "used_s": 0.0, "unix_s": 1000.0, "host": "here", "baselines": {"mean": 1.0, "ridge_composition": 0.5},
    "baselines_test": {"mean": 1.1}, "data": {"structures": 60}, "versions": {"ray": "2.60"},
}  # fmt: skip
DONE = {"e": "close", "why": "done", "reason": "every trial has ended", "used_s": 9.126}


def reported(
    name: str, epoch: int, validation: float, used_s: float, decision: str = "go", **more: Any
) -> dict[str, Any]:
    metrics = {"validation_mae_ev": validation, "test_mae_ev": validation + 0.1, "device": "cpu"}
    return result(name, epoch, validation, used_s, decision, m=metrics, **more)


def of(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    spec = study(**{"metric": "validation_mae_ev", **changes})
    tables = Tables(spec.mode, spec.epochs)
    for event in events:
        tables.apply(event)
    return summary("r", spec, tables)


SEARCH = (
    ATTEMPT, trial("00000", {"x": 0.1}, 1.0), reported("00000", 1, 0.6, 2.0), reported("00000", 2, 0.4, 3.0),
    reported("00000", 3, 0.45, 4.0, "stop"), trial("00001", {"x": 0.2}, 1.0), reported("00001", 1, 0.41, 5.0, "stop"),
    trial("00002", {"x": 0.3}, 5.0), {"e": "error", "id": "00002", "failure": "code", "message": "boom", "used_s": 6.0},
    trial("00003", {"x": 0.4}, 5.0), {"e": "error", "id": "00003", "failure": "diverged", "message": "nan", "used_s": 6.0},
)  # fmt: skip


def repeat(of_: str, number: int, value: float, used_s: float, decision: str = "stop") -> list[dict[str, Any]]:
    name = f"confirm-{of_}-{number}"
    began = {**trial("00009", {"x": 0.0}, used_s, phase="confirm", of=of_, repeat=number), "id": name}
    return [began, reported(name, 3, value, used_s, decision)]


def test_a_finished_search() -> None:
    found = of(*SEARCH, DONE)
    expected = {
        "run_id": "r", "study": "by-hand", "strategy": "asha", "seed": 7, "metric": "validation_mae_ev", "mode": "min",
        "status": "done", "reason": "every trial has ended", "trials": 4, "failed": 2, "epochs": 4, "wall_s": 9.13,
        "attempts": 1, "baselines": {"mean": 1.0, "ridge_composition": 0.5}, "baselines_test": {"mean": 1.1},
        "data": {"structures": 60}, "beats_ridge": True, "device": "cpu", "host": "here", "began_unix_s": 1000.0,
        "versions": {"ray": "2.60"},
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["best"] == {
        "trial_id": "00000", "config": {"x": 0.1}, "epoch": 2, "value": 0.4, "validation_mae_ev": 0.4, "test_mae_ev": 0.5,
        "confirmed": None,
    }  # fmt: skip


def test_a_run_in_motion_has_no_end_yet_and_one_without_results_no_best() -> None:
    found = of(ATTEMPT, trial("00000", {"x": 0.1}, 1.0))
    assert (found["status"], found["best"], found["beats_ridge"], found["device"]) == ("running", None, None, None)
    assert (found["trials"], found["failed"], found["epochs"]) == (1, 0, 0)


def test_the_best_is_the_configuration_with_the_lowest_mean_over_fresh_seeds() -> None:
    """The leader of the search was lucky: trained again it is the worse of the two."""
    confirm = {"e": "confirm", "trials": ["00000", "00001"], "used_s": 6.0}
    lucky = repeat("00000", 0, 0.5, 7.0) + repeat("00000", 1, 0.6, 7.0)
    steady = repeat("00001", 0, 0.42, 8.0) + repeat("00001", 1, 0.44, 8.0)
    best = of(*SEARCH, confirm, *lucky, *steady, DONE)["best"]
    assert (best["trial_id"], best["validation_mae_ev"]) == ("00001", 0.41)
    assert best["confirmed"] == {
        "seeds": 2, "value": pytest.approx(0.43), "value_deviation": pytest.approx(0.02 / 2**0.5),
        "validation_mae_ev": pytest.approx(0.43), "test_mae_ev": pytest.approx(0.53),
        "test_mae_ev_deviation": pytest.approx(0.02 / 2**0.5),
    }  # fmt: skip


def test_while_a_confirmation_is_missing_the_leader_of_the_search_stands() -> None:
    confirm = {"e": "confirm", "trials": ["00000", "00001"], "used_s": 6.0}
    best = of(*SEARCH, confirm, *repeat("00001", 0, 0.1, 7.0))["best"]
    assert (best["trial_id"], best["confirmed"]) == ("00000", None)
    one = of(*SEARCH, confirm, *repeat("00000", 0, 0.5, 7.0), *repeat("00001", 0, 0.1, 7.0, "go"))["best"]
    assert one["trial_id"] == "00000" and one["confirmed"]["seeds"] == 1
    assert one["confirmed"]["value_deviation"] is None, "one value has no deviation"


@pytest.mark.parametrize(("confirmed", "beats"), [(0.49, True), (0.51, False)])
def test_a_claim_against_the_ridge_rests_on_fresh_seeds_where_there_are_some(confirmed: float, beats: bool) -> None:
    confirm = {"e": "confirm", "trials": ["00000"], "used_s": 6.0}
    assert of(*SEARCH, confirm, *repeat("00000", 0, confirmed, 7.0), DONE)["beats_ridge"] is beats


def test_where_more_is_better_the_best_is_the_largest() -> None:
    events = (
        ATTEMPT, trial("00000", {}, 1.0), result("00000", 1, -0.5, 2.0, "stop", m={"accuracy": 0.5}),
        trial("00001", {}, 1.0), result("00001", 1, -0.9, 2.0, "stop", m={"accuracy": 0.9}),
    )  # fmt: skip
    best = of(*events, metric="accuracy", mode="max")["best"]
    assert (best["trial_id"], best["value"], best["validation_mae_ev"]) == ("00001", 0.9, None)
