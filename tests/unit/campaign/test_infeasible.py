"""A configuration that is predicted not to fit the device is not started: the log, the searcher and the table know why."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.unit.campaign.test_campaign import opened, step, study

from perch.campaign.campaign import MAX_REFUSED
from perch.engine.inline import InlineEngine
from perch.log.events import EventLog, read
from perch.record import Tables
from perch.record.summary import summary
from perch.runs.resume import replay
from perch.strategies.plan import Plan
from perch.strategies.searchers.observations import Ledger
from perch.vocabulary import INFEASIBLE

LIMIT = 0.6


def too_large(config):
    return f"it needs {config['x']:.2f} GB of 0.60 GB" if config["x"] > LIMIT else None


def run(path, spec, refuses=too_large):
    folder, campaign, log = opened(path, spec)
    campaign.refuses = refuses
    InlineEngine(campaign, folder, log.attempt, step, slots=3).fit()
    log.close()
    return folder, campaign


@pytest.mark.parametrize("strategy", ["rs", "asha", "asha-promote", "ahb", "tpe"])
def test_no_trial_that_does_not_fit_is_started_and_the_budget_is_for_the_others(tmp_path, strategy):
    spec = study(strategy=strategy, budget={"trials": 12}, confirm={"top": 0})
    folder, campaign = run(tmp_path / "run", spec)
    events = list(read(folder.events))
    configs = {e["id"]: e["config"] for e in events if e["e"] == "trial"}
    refused = {e["id"]: e for e in events if e["e"] == "error"}
    started = {e["id"] for e in events if e["e"] == "start"}
    assert refused
    assert {e["failure"] for e in refused.values()} == {INFEASIBLE}
    assert started == {t for t, c in configs.items() if c["x"] <= LIMIT} == configs.keys() - refused.keys()
    assert len(started) == 12
    assert campaign.ending == "done"


def test_the_table_has_a_row_with_the_reason_and_the_summary_a_number(tmp_path):
    spec = study(strategy="rs", budget={"trials": 8}, confirm={"top": 0})
    folder, _ = run(tmp_path / "run", spec)
    tables = Tables(epochs=spec.epochs)
    for event in read(folder.events):
        tables.apply(event)
    rows = [row for row in tables.trial_rows() if row["status"] == INFEASIBLE]
    assert rows
    assert all(row["failure"] == INFEASIBLE and "GB of 0.60 GB" in row["error"] for row in rows)
    said = summary("run", spec, tables)
    assert (said["trials"], said["failed"], said["infeasible"]) == (8, 0, len(rows))


def test_a_model_is_told_that_it_is_as_bad_as_the_worst():
    spec = study()
    ledger = Ledger(Plan(spec.search_space, epochs=9, seed=0))
    ledger.applied({"e": "trial", "id": "00000", "i": 0, "config": {"x": 0.9}})
    ledger.applied({"e": "error", "id": "00000", "failure": INFEASIBLE})
    assert [o.value for o in ledger.observations] == [None]
    assert ledger.pending() == ()


def test_a_replay_knows_what_was_refused_and_decides_nothing_anew(tmp_path):
    spec = study(strategy="asha", budget={"trials": 10}, confirm={"top": 0})
    folder, campaign = run(tmp_path / "run", spec)
    state = replay(spec, folder, EventLog(folder.events))
    assert state.counts == campaign.state.counts
    assert (state.strategy.trials, state.strategy.counted) == (10, 10)
    assert state.counts.total() - state.counts[INFEASIBLE] == 10


def test_an_attempt_that_died_between_the_trial_and_its_refusal_refuses_it_in_the_next(tmp_path):
    spec = study(strategy="rs", budget={"trials": 5}, confirm={"top": 0})
    _folder, campaign, log = opened(tmp_path / "run", spec)
    campaign.emit(e="trial", id="00000", i=0, config={"x": 0.99}, bracket=0, by="random", seen=0, ask_s=0.0)
    log.close()
    again, _ = run(tmp_path / "run", spec)
    events = list(read(again.events))
    assert [e["failure"] for e in events if e["e"] == "error" and e["id"] == "00000"] == [INFEASIBLE]
    assert "00000" not in {e["id"] for e in events if e["e"] == "start"}


def test_a_grid_does_not_grow(tmp_path):
    spec = study(
        strategy="grid", space={"x": {"choice": [0.1, 0.5, 0.7, 0.9]}}, budget={"trials": 9}, confirm={"top": 0}
    )
    folder, campaign = run(tmp_path / "run", spec)
    counts = Counter(e["e"] for e in read(folder.events))
    assert (counts["trial"], counts["error"], campaign.ending) == (4, 2, "done")


def test_a_run_of_which_nothing_fits_ends_with_the_reason(tmp_path):
    spec = study(strategy="rs", budget={"trials": 5}, confirm={"top": 0})
    _, campaign = run(tmp_path / "run", spec, refuses=lambda config: "it needs 99 GB")
    assert (campaign.ending, campaign.state.counts[INFEASIBLE]) == ("hopeless", MAX_REFUSED)
    assert "99 GB" in campaign.why
