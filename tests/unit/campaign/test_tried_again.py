"""A trial that a machine or a neighbour has broken: where it is tried next, when, and what becomes of it."""

from tests.unit.campaign.test_real_time_scales import Run

from perch.campaign.campaign import Campaign
from perch.log.state import State
from perch.strategies.plan import Plan
from perch.strategies.registry import build

OOM = {"failure": "out_of_memory", "whose": "unknown", "node": "10.0.0.2", "alone": True}


def end(run, placement):
    """Train a placement to its last epoch."""
    for epoch in range(1, 82):
        run.epoch(placement, epoch, epoch_s=1.0)
    run.campaign.left_worker(placement.trial)


def test_a_trial_that_a_node_has_broken_is_kept_off_it_until_it_reports_something_new():
    run = Run()
    one = run.place()
    assert one.off == frozenset()
    run.campaign.lost(one.trial, "ECC error", failure="gpu", node="10.0.0.2")
    once_more = run.place()
    assert (once_more.trial, once_more.off) == (one.trial, {"10.0.0.2"})
    run.campaign.lost(one.trial, "stale file handle", failure="storage", node="10.0.0.3")
    assert run.place().off == {"10.0.0.2", "10.0.0.3"}
    run.epoch(one, 1)
    run.campaign.lost(one.trial, "ECC error", failure="gpu", node="10.0.0.4")
    assert run.place().off == {"10.0.0.4"}


def test_a_lost_worker_is_tried_elsewhere_and_is_no_fault_of_its_node():
    run = Run()
    one = run.place()
    run.campaign.lost(one.trial, "killed", node="10.0.0.2")
    assert run.place().off == {"10.0.0.2"}
    assert run.campaign.state.faults["10.0.0.2"] == 0


def test_a_full_memory_says_nothing_of_the_node():
    run = Run()
    one = run.place()
    run.campaign.lost(one.trial, "killed", failure="out_of_memory", whose="unknown", node="10.0.0.2")
    assert run.place().off == frozenset()
    assert run.campaign.state.faults == {}


def test_a_fault_that_may_be_the_trials_own_is_not_held_against_the_node():
    run = Run()
    one = run.place()
    run.campaign.lost(one.trial, "illegal memory access", failure="gpu", whose="unknown", node="10.0.0.2")
    assert run.campaign.state.faults["10.0.0.2"] == 0
    assert run.place().off == {"10.0.0.2"}, "but it shows elsewhere whose it is"


def test_out_of_memory_on_a_shared_gpu_waits_until_there_can_be_no_neighbour():
    run = Run()
    one, two = run.place(), run.place()
    run.campaign.lost(one.trial, "CUDA out of memory", **OOM)
    three = run.place()
    assert three.trial == "00002", "others are placed meanwhile"
    for _ in range(7):
        run.place()
    assert run.campaign.next_placement(9) is None, "nothing is left to place, but nine run still"
    assert run.campaign.ending is None
    for trial in [name for name in run.campaign.spent if name != two.trial]:
        run.campaign.failed(trial, "code", "wrong")
    assert run.campaign.next_placement(1) is None
    end(run, two)
    alone = run.place()
    assert (alone.trial, alone.alone) == (one.trial, True)


def test_several_that_need_a_gpu_to_themselves_run_at_once():
    run = Run()
    placed = [run.place() for _ in range(10)]
    for one in placed:
        run.campaign.lost(one.trial, "CUDA out of memory", **OOM)
    assert [run.place().alone for _ in placed] == [True] * 10


def test_what_runs_out_of_memory_with_a_gpu_to_itself_has_failed():
    run = Run()
    placed = [run.place() for _ in range(10)]
    for one in placed[1:]:
        run.campaign.failed(one.trial, "diverged", "nan")
    run.campaign.lost(placed[0].trial, "CUDA out of memory", **OOM)
    assert run.place().alone
    run.campaign.failed(placed[0].trial, "out_of_memory", "CUDA out of memory")
    assert run.campaign.state.counts["failed"] == 1
    assert run.campaign.next_placement(0) is None and run.campaign.ending == "done"


def test_a_trial_that_has_got_past_it_shares_its_gpu_as_before():
    run = Run()
    placed = [run.place() for _ in range(10)]
    for one in placed[1:]:
        run.campaign.failed(one.trial, "diverged", "nan")
    run.campaign.lost(placed[0].trial, "CUDA out of memory", **OOM)
    alone = run.place()
    run.epoch(alone, 1)
    run.campaign.lost(alone.trial, "node gone")
    assert not run.place().alone


def test_the_log_says_that_a_trial_needs_a_gpu_to_itself():
    """So that the next attempt gives it one."""
    run = Run()
    placed = [run.place() for _ in range(10)]
    run.campaign.lost(placed[0].trial, "CUDA out of memory", **OOM)
    replayed = State(build("rs", Plan(run.campaign.state.strategy.plan.space, 81, 10)), 81)
    for event in run.events:
        replayed.apply(event)
    replayed.apply({"e": "attempt", "n": 2, "accepts_bytes": {}})
    assert replayed.live[placed[0].trial].alone
    campaign = Campaign(
        run.campaign.rules, replayed, run.campaign.log, run.campaign.clock, run.campaign.store, run.campaign.confirmation, 2
    )  # fmt: skip
    campaign.begin()
    first = [campaign.next_placement(n) for n in range(9)]
    assert not any(placement.alone for placement in first)
    assert campaign.next_placement(9) is None


def test_a_placement_that_is_taken_back_before_it_began_is_made_anew():
    run = Run()
    one = run.place()
    run.campaign.withdrawn(one.trial)
    assert one.trial not in run.campaign.spent
    assert run.place().trial == one.trial
    assert run.campaign.state.live[one.trial].losses == 0
