"""Epochs of minutes, told by a clock that the test moves: what is saved, waited for, counted twice and given up."""

from types import SimpleNamespace

import pytest

from perch.campaign.campaign import Campaign
from perch.campaign.confirmation import Confirmation
from perch.campaign.placement import Instruction
from perch.campaign.rules import Rules
from perch.log.state import State
from perch.record.tables import Tables
from perch.space import parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.study import parse

MINUTE = 60.0


class Run:
    """A campaign of two workers whose clock stands still until the test moves it."""

    def __init__(self, **rules):
        self.now = 10.0
        self.events = []
        self.deleted = []
        clock = SimpleNamespace(now_s=lambda: self.now, cpu_s=lambda: 0.0, ask_s=lambda s: s)
        store = SimpleNamespace(has=lambda path: True, delete=self.deleted.append)
        log = SimpleNamespace(append=self.events.append, read=lambda: iter(self.events))
        space = parse_space({"x": {"float": [0.0, 1.0]}})
        strategy = build("rs", Plan(space, 81, 10))
        rules = Rules(**{"epochs": 81, "metric": "loss", "insure_s": 600.0, **rules})
        self.campaign = Campaign(rules, State(strategy, 81), log, clock, store, Confirmation(log, 0, 1), 2)
        self.campaign.emit(e="attempt", n=1, accepts_bytes={})

    def place(self):
        placement = self.campaign.next_placement(0)
        self.campaign.begun(placement.trial)
        return placement

    def epoch(self, placement, epoch, epoch_s=MINUTE):
        self.now += epoch_s
        return self.campaign.result(placement.trial, 0, epoch, {"loss": 1.0 / epoch, "epoch_s": epoch_s})

    def save(self, placement, save_s=1.0):
        self.now += save_s
        self.campaign.saved(placement.trial, f"checkpoints/{placement.trial}-{self.now}")


def test_a_long_trial_saves_before_more_than_the_interval_is_unsaved():
    run = Run()
    one = run.place()
    unsaved_s = longest_s = 0.0
    saves = 0
    for epoch in range(1, 80):
        said = run.epoch(one, epoch)
        unsaved_s += MINUTE
        longest_s = max(longest_s, unsaved_s)
        if said is Instruction.SAVE:
            run.save(one)
            unsaved_s, saves = 0.0, saves + 1
    assert saves > 5
    assert longest_s <= run.campaign.insurance.interval_s(4 * 3600.0) + MINUTE
    assert len(run.deleted) == saves - 1, "only the newest is kept"


def test_tiny_trials_never_pay():
    run = Run()
    one = run.place()
    assert {run.epoch(one, epoch, 0.5) for epoch in range(1, 81)} == {Instruction.CONTINUE}


def test_without_insurance_a_strategy_that_needs_no_checkpoint_leaves_none():
    run = Run(insure_s=None)
    one = run.place()
    assert {run.epoch(one, epoch) for epoch in range(1, 81)} == {Instruction.CONTINUE}


def test_told_to_leave_running_trials_save_at_the_end_of_their_epoch():
    run = Run()
    one = run.place()
    run.epoch(one, 1)
    run.campaign.end("interrupted", "SIGTERM")
    assert run.campaign.awaited() == [one.trial]
    assert run.epoch(one, 2) is Instruction.SAVE_AND_STOP
    assert run.campaign.awaited() == [one.trial], "its checkpoint is being written"
    run.save(one)
    run.campaign.left_worker(one.trial)
    assert run.campaign.awaited() == []


def test_an_attempt_whose_run_is_anothers_waits_for_nobody():
    run = Run()
    one = run.place()
    run.epoch(one, 1)
    run.campaign.end("superseded", "attempt 2 has taken this run over")
    assert run.campaign.awaited() == []


def test_a_trial_that_cannot_finish_its_epoch_in_the_time_left_is_not_waited_for():
    run = Run(insure_s=None)
    one, two = run.place(), run.place()
    run.epoch(one, 1)
    run.now += 50.0
    run.campaign.result(two.trial, 0, 1, {"loss": 1.0, "epoch_s": 110.0})
    run.campaign.end("interrupted", "SIGUSR1", stay_s=30.0)
    assert run.campaign.awaited() == [one.trial], "one ends its minute in ten seconds, two in almost two"


def test_epochs_trained_again_are_counted_and_saved_when_leaving():
    """A walltime that is shorter than what was lost must not lose it again."""
    run = Run(insure_s=None)
    one = run.place()
    for epoch in (1, 2, 3):
        run.epoch(one, epoch)
    run.campaign.lost(one.trial, "node gone")
    again = run.place()
    assert again.trial == one.trial and again.start is None
    assert run.epoch(again, 1) is Instruction.CONTINUE
    run.campaign.end("interrupted", "SIGTERM")
    assert run.epoch(again, 2) is Instruction.SAVE_AND_STOP
    run.save(again)
    run.campaign.left_worker(again.trial)
    checkpoint = next(e for e in run.events if e["e"] == "checkpoint")
    assert (checkpoint["id"], checkpoint["epoch"]) == (one.trial, 2)
    tables = Tables("min", 81)
    for event in run.events:
        tables.apply(event)
    row = next(r for r in tables.trial_rows() if r["trial_id"] == one.trial)
    assert (row["redone_epochs"], row["redone_s"]) == (2, 2 * MINUTE)
    assert row["epochs"] == 3, "what was reported stays"


def test_an_epoch_that_is_read_and_not_trained_again_is_no_work_done_twice():
    """A program leaves numbers and checkpoints of its own: after a kill what it had reported is read."""
    run = Run(insure_s=None)
    one = run.place()
    for epoch in (1, 2):
        run.epoch(one, epoch)
    run.campaign.lost(one.trial, "node gone")
    again = run.place()
    for epoch in (1, 2, 3):
        run.campaign.result(again.trial, 0, epoch, {"loss": 1.0, "epoch_s": 0.001, "read_again": True})
    tables = Tables("min", 81)
    for event in run.events:
        tables.apply(event)
    row = next(r for r in tables.trial_rows() if r["trial_id"] == one.trial)
    assert (row["redone_epochs"], row["redone_s"], row["epochs"]) == (0, 0.0, 3)
    assert list(run.campaign.epochs_s) == [MINUTE, MINUTE], "it says nothing of how long epochs take"
    assert not any("read_again" in e.get("m", {}) for e in run.events)


def test_an_epoch_that_is_cut_off_counts_as_done_twice():
    run = Run()
    one = run.place()
    run.epoch(one, 1)
    run.campaign.end("interrupted", "SIGINT, twice")
    run.now += 40.0
    run.campaign.abandon()
    spent = run.events[-1]
    assert (spent["e"], spent["redone_s"], spent.get("redone", 0)) == ("spent", 40.0, 0)


def test_what_an_attempt_trained_again_counts_though_it_is_killed_before_its_placements_end():
    run = Run(insure_s=None)
    one = run.place()
    for epoch in (1, 2):
        run.epoch(one, epoch)
    run.campaign.lost(one.trial, "node gone")
    run.epoch(run.place(), 1)
    tables = Tables("min", 81)
    for event in run.events:
        tables.apply(event)
    row = next(r for r in tables.trial_rows() if r["trial_id"] == one.trial)
    assert (row["redone_epochs"], row["redone_s"]) == (1, MINUTE), "the log ends here, as after a kill"


def test_once_the_time_is_up_only_those_are_waited_for_that_will_end():
    run = Run(time_s=300.0)
    one, two = run.place(), run.place()
    for epoch in range(1, 5):
        run.epoch(one, epoch)
    run.now = 310.0
    assert run.campaign.overdue() == {two.trial: False}, (
        "it has reported nothing in five minutes; the other will in one"
    )
    run.campaign.evicted(two.trial)
    assert run.campaign.state.live[two.trial].status == "running", "its time may come with a larger budget"


def test_an_epoch_that_takes_twenty_times_the_usual_hangs():
    run = Run()
    one = run.place()
    for epoch in range(1, 11):
        run.epoch(one, epoch)
    run.now += 20 * MINUTE - 1
    assert run.campaign.overdue() == {}
    run.now += 2
    assert run.campaign.overdue() == {one.trial: True}
    run.campaign.evicted(one.trial, hangs=True)
    error = next(e for e in run.events if e["e"] == "error")
    assert (error["id"], error["failure"]) == (one.trial, "hung")


def test_the_limit_of_an_epoch_can_be_named():
    run = Run(epoch_limit_s=5.0)
    one = run.place()
    run.now += 6.0
    assert run.campaign.overdue() == {one.trial: True}


def test_a_program_may_take_as_long_to_start_as_its_study_says():
    run = Run(startup_s=900.0)
    one = run.place()
    run.now += 955.0
    assert run.campaign.overdue() == {}
    run.now += 10.0
    assert run.campaign.overdue() == {one.trial: True}


def test_a_node_with_several_faults_of_its_own_is_a_suspect_unless_it_is_the_last():
    run = Run()
    for number in range(3):
        one = run.place()
        run.epoch(one, number + 1)
        run.campaign.lost(one.trial, "ECC error", failure="gpu", node="10.0.0.2")
    assert run.campaign.suspects(["10.0.0.1", "10.0.0.2"]) == ["10.0.0.2"]
    assert run.campaign.suspects(["10.0.0.2"]) == []
    run.campaign.emit(e="avoid", node="10.0.0.2")
    assert run.campaign.suspects(["10.0.0.1", "10.0.0.2"]) == []


def test_a_node_that_went_away_has_no_fault():
    run = Run()
    for number in range(3):
        one = run.place()
        run.epoch(one, number + 1)
        run.campaign.lost(one.trial, "preempted", node="10.0.0.2")
    assert run.campaign.suspects(["10.0.0.1", "10.0.0.2"]) == []


@pytest.mark.parametrize(
    ("asked", "insure_s", "strictly", "checkpoints"),
    [
        ("needed", 600.0, False, "needed"),
        ("all", None, False, "all"),
        ("none", None, False, "none"),
        ({"insure": "5m"}, 300.0, True, "needed"),
        ({"insure": "off"}, None, False, "needed"),
        ({"insure": False}, None, False, "needed"),
    ],
)
def test_what_a_study_says_of_checkpoints(asked, insure_s, strictly, checkpoints):
    """``off`` without quotes is false in YAML 1.1."""
    rules = Rules.of(parse({"name": "a", "checkpoints": asked}))
    assert (rules.insure_s, rules.insure_strictly, rules.checkpoints) == (insure_s, strictly, checkpoints)
