"""Tables from hand-made lists of events, row by row."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.hand_made import result, start, trial

from perch.record.tables import Tables

ATTEMPT = {"e": "attempt", "n": 1, "used_s": 0.0, "baselines": {"mean": 1.0}}


def tables(*events: dict[str, Any], mode: str = "min", epochs: int = 3) -> Tables:
    made = Tables(mode, epochs)
    for event in events:
        made.apply(event)
    return made


def rows(made: Tables) -> list[dict[str, Any]]:
    """Rows of ``curves``, as they stand in the columns."""
    return [row for table in made.curves.tables() for row in table.to_pylist()]


def has(row: dict[str, Any], **expected: Any) -> None:
    """Every expected cell, all differences at once."""
    assert {name: row[name] for name in expected} == expected


METRICS = {
    "epoch_s": 0.5, "train_mae_ev": 0.9, "validation_mae_ev": 0.8, "test_mae_ev": 0.7, "test_mae_ev_far": 1.7, "lr": 0.01,
    "device": "cpu (1 thread)", "peak_memory_bytes": 2**30, "time_this_iter_s": 9.0, "training_s": 0.4,
}  # fmt: skip


def test_an_epoch_is_a_row_of_curves() -> None:
    made = tables(ATTEMPT, trial("00000", {"x": 0.1}, 1.0), result("00000", 1, 0.8, 2.5, m=METRICS))
    assert rows(made) == [
        {
            "trial_id": "00000", "segment": 0, "epoch": 1, "time_s": 2.5, "epoch_s": 0.5, "train_mae_ev": 0.9,
            "validation_mae_ev": 0.8, "test_mae_ev": 0.7, "lr": 0.01, "device": "cpu (1 thread)", "peak_memory_bytes": 2**30,
            "value": 0.8, "attempt": 1, "phase": "search", "config": {"x": 0.1}, "parent_trial_id": None,
            "parent_segment": None, "parent_epoch": None, "test_mae_ev_far": 1.7, "training_s": 0.4,
        }
    ]  # fmt: skip


def test_what_a_foreign_trainable_reports_has_columns_of_its_own_and_tunes_seconds_stand_for_its_epoch() -> None:
    made = tables(
        ATTEMPT, trial("00000", {}, 1.0), result("00000", 1, 0.8, 2.0),
        result("00000", 2, 0.7, 3.0, m={"loss": 0.7, "accuracy": 0.6, "time_this_iter_s": 0.25, "node_ip": "10.0.0.1"}),
    )  # fmt: skip
    first, second = rows(made)
    has(first, loss=0.8, accuracy=None, validation_mae_ev=None, epoch_s=None)
    has(second, loss=0.7, accuracy=0.6, validation_mae_ev=None, epoch_s=0.25)
    assert "node_ip" not in made.curves and "time_this_iter_s" not in made.curves


def test_a_trial_that_completes_and_one_that_is_stopped() -> None:
    made = tables(
        ATTEMPT, trial("00000", {"x": 0.1}, 1.0, bracket=2, by="gp", seen=4, ask_s=0.3), start("00000", 1.0),
        trial("00001", {"x": 0.2}, 1.5), start("00001", 1.5),
        result("00000", 1, 0.8, 2.0, m={**METRICS, "validation_mae_ev": 0.8}),
        result("00001", 1, 0.9, 2.5, "stop", rung=1, m={**METRICS, "validation_mae_ev": 0.9}),
        result("00000", 2, 0.6, 3.0, m={**METRICS, "validation_mae_ev": 0.6, "test_mae_ev": 0.65, "test_mae_ev_far": 1.5}),
        result("00000", 3, 0.7, 4.0, "stop", rung=3, m={**METRICS, "validation_mae_ev": 0.7, "test_mae_ev": 0.1}),
    )  # fmt: skip
    completed, stopped = made.trial_rows()
    assert completed == {
        "trial_id": "00000", "phase": "search", "config": {"x": 0.1}, "status": "completed", "failure": None, "epochs": 3,
        "start_s": 1.0, "end_s": 4.0, "value": 0.7, "best_value": 0.6, "best_epoch": 2, "best_segment": 0,
        "best_validation_mae_ev": 0.6, "test_mae_ev": 0.65, "test_mae_ev_far": 1.5, "rung": 3, "bracket": 2,
        "collapsed": False, "error": None, "by": "gp", "ordinal": 0, "seen": 4, "ask_s": 0.3, "segments": 1,
        "confirms": None, "repeat": None, "redone_epochs": 0, "redone_s": 0.0, "losses": 0, "last_loss": None, "kept": False,
        "settled_value": None,
    }  # fmt: skip
    has(stopped, status="stopped", epochs=1, value=0.9, best_value=0.9, best_epoch=1, rung=1, bracket=0, end_s=2.5)


def test_where_more_is_better_values_are_turned_back_and_the_best_is_the_largest() -> None:
    made = tables(
        ATTEMPT, trial("00000", {}, 1.0), result("00000", 1, -0.5, 2.0, m={"accuracy": 0.5}),
        result("00000", 2, -0.8, 3.0, m={"accuracy": 0.8}), result("00000", 3, -0.7, 4.0, "stop", m={"accuracy": 0.7}),
        mode="max",
    )  # fmt: skip
    assert [row["value"] for row in rows(made)] == [0.5, 0.8, 0.7]
    has(made.trial_rows()[0], value=0.7, best_value=0.8, best_epoch=2, status="completed")


@pytest.mark.parametrize(
    ("failure", "status", "said"),
    [("code", "failed", "boom"), ("diverged", "diverged", "boom"), ("out of memory", "failed", "boom")],
)
def test_a_trial_that_fails(failure: str, status: str, said: str) -> None:
    made = tables(
        ATTEMPT, trial("00000", {}, 1.0), result("00000", 1, 0.5, 2.0),
        {"e": "error", "id": "00000", "seg": 0, "epoch": 1, "failure": failure, "message": said, "used_s": 3.0},
    )  # fmt: skip
    has(made.trial_rows()[0], status=status, failure=failure, error=said, end_s=3.0, epochs=1, best_value=0.5)


def test_a_trainable_that_ends_by_itself_has_completed() -> None:
    made = tables(
        ATTEMPT, trial("00000", {}, 1.0), result("00000", 1, 0.5, 2.0),
        {"e": "error", "id": "00000", "failure": "ended", "message": "", "used_s": 3.0},
    )  # fmt: skip
    has(made.trial_rows()[0], status="completed", failure=None, error=None, end_s=3.0)


def test_a_trial_that_never_reported() -> None:
    made = tables(
        ATTEMPT, trial("00000", {"x": 0.1}, 1.0),
        {"e": "error", "id": "00000", "failure": "code", "message": "no such file", "used_s": 1.5},
    )  # fmt: skip
    has(
        made.trial_rows()[0], status="failed", epochs=0, value=None, best_value=None, best_epoch=None, collapsed=None,
        test_mae_ev=None, config={"x": 0.1},
    )  # fmt: skip
    assert made.curves.rows == 0


def test_paused_promoted_running_and_interrupted() -> None:
    events = [
        ATTEMPT, trial("00000", {}, 1.0), result("00000", 1, 0.5, 2.0, "pause"), trial("00001", {}, 2.0),
        result("00001", 1, 0.6, 3.0, "pause"), {"e": "promote", "id": "00001", "rung": 1, "used_s": 3.0},
    ]  # fmt: skip
    assert [row["status"] for row in tables(*events).trial_rows()] == ["paused", "running"]
    closed = {"e": "close", "why": "interrupted", "used_s": 3.5}
    assert [row["status"] for row in tables(*events, closed).trial_rows()] == ["paused", "interrupted"]
    again = {"e": "attempt", "n": 2, "used_s": 3.5}
    assert [row["status"] for row in tables(*events, closed, again).trial_rows()] == ["paused", "running"]


def test_an_exploit_starts_a_segment_whose_first_row_names_where_it_came_from() -> None:
    x = {"donor": "00000", "seg": 0, "epoch": 2, "config": {"lr": 0.02}}
    made = tables(
        ATTEMPT, trial("00000", {"lr": 0.01}, 1.0), trial("00001", {"lr": 0.1}, 1.0),
        result("00000", 2, 0.5, 3.0), result("00001", 2, 0.9, 3.5, "exploit", x=x),
        result("00001", 3, 0.4, 4.0, seg=1), result("00001", 4, 0.45, 5.0, "stop", seg=1), epochs=4,
    )  # fmt: skip
    of_receiver = [row for row in rows(made) if row["trial_id"] == "00001"]
    assert [(row["segment"], row["epoch"], row["config"]["lr"]) for row in of_receiver] == [
        (0, 2, 0.1), (1, 3, 0.02), (1, 4, 0.02),
    ]  # fmt: skip
    named = [(row["parent_trial_id"], row["parent_segment"], row["parent_epoch"]) for row in of_receiver]
    assert named == [(None, None, None), ("00000", 0, 2), (None, None, None)]
    has(made.trial_rows()[1], segments=2, best_segment=1, best_epoch=3, best_value=0.4, config={"lr": 0.02})


def test_what_a_trial_reports_after_its_end_is_no_row() -> None:
    made = tables(
        ATTEMPT, trial("00000", {}, 1.0), result("00000", 1, 0.5, 2.0, "stop"), result("00000", 2, 0.1, 3.0),
        result("00009", 1, 0.1, 3.0),
    )  # fmt: skip
    assert made.curves.rows == 1
    has(made.trial_rows()[0], epochs=1, best_value=0.5)


@pytest.mark.parametrize(("validation", "collapsed"), [(0.979, False), (0.98, True), (1.2, True), (None, None)])
def test_a_trial_has_collapsed_when_it_never_beat_the_mean_predictor(
    validation: float | None, collapsed: bool | None
) -> None:
    metrics = {"loss": 0.5} if validation is None else {"validation_mae_ev": validation}
    made = tables(ATTEMPT, trial("00000", {}, 1.0), result("00000", 1, 0.5, 2.0, m=metrics))
    has(made.trial_rows()[0], collapsed=collapsed)
    unknown = tables({**ATTEMPT, "baselines": {}}, trial("00000", {}, 1.0), result("00000", 1, 0.5, 2.0, m=metrics))
    has(unknown.trial_rows()[0], collapsed=None)


def test_a_confirming_trial_names_what_it_confirms() -> None:
    more = {"phase": "confirm", "of": "00000", "repeat": 1}
    made = tables(ATTEMPT, trial("00000", {}, 1.0), {**trial("00001", {}, 2.0, **more), "id": "confirm-00000-1"})
    has(made.trial_rows()[1], trial_id="confirm-00000-1", phase="confirm", confirms="00000", repeat=1)


def test_worker_seconds_go_somewhere_and_the_rest_is_idle() -> None:
    """Two workers from 1 s to 6 s, after both waited 1 s for the start: 12 worker seconds."""
    spent = {"starting_s": 1.0, "training_s": 3.0, "evaluating_s": 0.5, "checkpointing_s": 0.25}
    made = tables(
        ATTEMPT, trial("00000", {}, 1.0), start("00000", 1.0, slots=2), result("00000", 1, 0.5, 5.0, "stop"),
        {"e": "spent", "id": "00000", **spent, "used_s": 5.0}, {"e": "close", "why": "done", "suggesting_s": 0.5, "used_s": 6.0},
    )  # fmt: skip
    assert made.worker_s == 12.0
    seconds = {row["activity"]: row["seconds"] for row in made.overhead_rows()}
    expected = {
        "training": 3.0,
        "evaluating": 0.5,
        "starting": 3.0,
        "checkpointing": 0.25,
        "suggesting": 0.5,
        "idle": 4.75,
    }
    assert {name: seconds[name] for name in expected} == expected
    assert sum(seconds.values()) == 12.0
    assert sum(row["share"] for row in made.overhead_rows()) == pytest.approx(1.0)


def test_a_lost_worker_is_counted_by_its_kind_and_by_the_machine_it_was_on() -> None:
    lost = {"e": "lost", "id": "00000", "seg": 0, "epoch": 1, "used_s": 3.0}
    made = tables(
        ATTEMPT, trial("00000", {}, 1.0), result("00000", 1, 0.5, 2.0), {**lost, "failure": "gpu", "node": "10.0.0.1"},
        {**lost, "failure": "storage", "node": "10.0.0.1"}, lost,
        {"e": "spent", "id": "00000", "redone_s": 1.25, "redone": 2, "used_s": 4.0}, result("00000", 2, 0.4, 5.0),
    )  # fmt: skip
    has(
        made.trial_rows()[0], status="running", losses=3, last_loss="lost", redone_epochs=2, redone_s=1.25, failure=None
    )
    assert dict(made.losses) == {"gpu": 1, "storage": 1, "lost": 1} and dict(made.losses_by_node) == {"10.0.0.1": 2}
    assert {row["activity"]: row["seconds"] for row in made.overhead_rows()}["redone"] == 1.25


def test_the_summary_names_the_nodes_that_a_run_stopped_using() -> None:
    made = tables(ATTEMPT, trial("00000", {}, 1.0), {"e": "avoid", "node": "10.0.0.3", "used_s": 2.0})
    assert made.avoided == ["10.0.0.3"]


def test_an_interruption_costs_no_worker_seconds_and_a_new_cluster_may_have_more_workers() -> None:
    made = tables(
        ATTEMPT, trial("00000", {}, 0.0), start("00000", 0.0, slots=1), {"e": "close", "why": "interrupted", "used_s": 4.0},
        {"e": "attempt", "n": 2, "used_s": 4.0}, start("00000", 5.0, slots=3), {"e": "close", "why": "done", "used_s": 7.0},
    )  # fmt: skip
    assert made.worker_s == 4.0 * 1 + 1.0 * 3 + 2.0 * 3
    assert made.attempt == 2 and [a["n"] for a in made.attempts] == [1, 2]


def test_a_larger_budget_chooses_anew_whom_to_confirm() -> None:
    confirm = {"e": "confirm", "trials": ["00000"], "used_s": 2.0}
    made = tables(ATTEMPT, trial("00000", {}, 1.0), confirm, {"e": "attempt", "n": 2, "used_s": 3.0})
    assert made.confirming == ["00000"]
    made.apply({"e": "attempt", "n": 3, "used_s": 3.0, "extends": True})
    assert made.confirming == []
