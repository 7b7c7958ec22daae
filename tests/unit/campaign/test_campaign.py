"""A campaign without Ray: whatever is killed, a new attempt makes the same of it."""

import errno
from collections import Counter, deque
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perch.campaign.campaign import Campaign
from perch.campaign.clock import WallClock
from perch.campaign.confirmation import Confirmation
from perch.campaign.race import next_entrant
from perch.campaign.rules import Rules
from perch.engine.inline import InlineEngine
from perch.errors import StrategyError
from perch.log.events import EventLog, read
from perch.log.folder import RunFolder
from perch.record import Tables
from perch.record.summary import summary
from perch.runs.resume import replay
from perch.runs.starting_point import starting_point
from perch.study import SMALLEST_RACE, parse

EPOCHS = 9


def study(**changes):
    spec = {
        "name": "toy", "trainable": "toy:Toy", "metric": "loss", "epochs": EPOCHS, "space": {"x": {"float": [0.0, 1.0]}},
        "budget": {"trials": 20}, "confirm": {"top": 2, "seeds": 2}, "strategy": "asha",
    }  # fmt: skip
    return parse({**spec, **changes})


def step(config, trial, epoch, memory):
    """Weights are a running sum, so that a wrong checkpoint shows in every later value."""
    memory["w"] = memory.get("w", 0.0) + 1.0 / (1.0 + 8.0 * abs(config["x"] - 0.3))
    return {"loss": 1.0 / (1.0 + memory["w"]), "time_this_iter_s": 0.0}


class Ticks:
    """A clock that goes on by a tick at each look."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.001
        return self.now


def opened(path, spec):
    """A folder, its campaign and its log, the attempt begun."""
    folder = RunFolder(path)
    folder.path.mkdir(exist_ok=True)
    log = EventLog(folder.events)
    state = replay(spec, folder, log)
    clock = WallClock(read=Ticks())
    clock.start(state.used_s)
    confirm = spec.confirm
    confirmation = Confirmation(log, confirm.top, confirm.seeds, confirm.share, starting_point(spec), spec.budget.time)
    campaign = Campaign(Rules.of(spec), state, log, clock, folder, confirmation)
    campaign.emit(
        e="attempt",
        n=log.attempt,
        accepts_bytes={str(k): v for k, v in log.accepts.items()},
        extends=state.closed == "done",
    )
    return folder, campaign, log


def attempt(path, spec, *, step=step, slots=3, stop_after=None):
    folder, campaign, log = opened(path, spec)
    engine = InlineEngine(campaign, folder, log.attempt, step, slots=slots, stop_after=stop_after)
    engine.fit()
    if campaign.ending is not None:
        campaign.emit(e="close", why=campaign.ending, reason=campaign.why)
    log.close()
    return campaign, engine


def results(path):
    return [e for e in read(RunFolder(path).events) if e["e"] == "result"]


def test_a_run_ends_with_every_trial_and_its_confirmation(tmp_path):
    campaign, _ = attempt(tmp_path / "run", study())
    assert campaign.ending == "done"
    assert sum(campaign.state.counts.values()) == 20
    confirmed = [t for t in campaign.state.ended if t.startswith("confirm-")]
    assert len(confirmed) == 6, "two configurations and the starting point"
    assert campaign.state.live == {}


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kills=st.lists(st.integers(min_value=0, max_value=90), max_size=5), trials=st.integers(4, 30))
def test_a_race_keeps_to_its_share_however_often_it_is_killed(tmp_path_factory, share, kills, trials):
    path = tmp_path_factory.mktemp("race") / "run"
    spec = study(confirm={"share": share}, budget={"trials": trials})
    for stop_after in [*kills, None]:
        campaign, _ = attempt(path, spec, stop_after=stop_after)
    events = list(read(RunFolder(path).events))
    fresh = [e for e in events if e["e"] == "result" and e["id"].startswith("confirm-")]
    searched = sum(e["e"] == "result" for e in events) - len(fresh)
    assert len(fresh) <= max(share * searched, SMALLEST_RACE * EPOCHS)
    *_, terms = (e for e in events if e["e"] == "confirm")  # one that had ended is held again
    trained = {e["id"] for e in fresh if e["d"] == "stop"}
    assert {f"confirm-{e}-1" for e in terms["trials"]} <= trained
    assert terms["start"] in terms["trials"]
    assert len({(e["id"], e["epoch"]) for e in fresh}) == len(fresh) == EPOCHS * len(trained)
    again = replay(spec, RunFolder(path)).fresh
    assert (again.values, again.placed, again.entrants) == (
        campaign.state.fresh.values, campaign.state.fresh.placed, campaign.state.fresh.entrants,
    )  # fmt: skip
    assert next_entrant(again, spec.confirm.seeds, EPOCHS, 0.0) is None, "replayed, it is as much over as it was live"


def test_the_first_point_is_what_the_run_is_measured_against(tmp_path):
    spec = study(confirm={"share": 1.0}, points=[{"x": 0.9}])
    campaign, _ = attempt(tmp_path / "run", spec)
    assert campaign.state.fresh.start == "00000"
    assert len(campaign.state.fresh.values["00000"]) >= 1


@pytest.mark.parametrize("keeps", [True, False])
def test_of_a_function_the_checkpoint_of_each_fresh_seeds_best_epoch_stays(tmp_path, keeps):
    """It reports one with every epoch; the last comes when its trial has ended."""
    spec = study(strategy="rs", budget={"trials": 2}, confirm={"top": 1, "seeds": 1}, trainable="builtins:print")
    folder, campaign, _ = opened(tmp_path / "run", spec)
    campaign.rules = replace(campaign.rules, checkpoints="none", keeps_reported=keeps)
    while (placement := campaign.next_placement(0)) is not None:
        for epoch in range(1, EPOCHS + 1):
            loss = 0.1 if epoch == 4 else 1.0 / epoch + 0.2
            campaign.result(placement.trial, 0, epoch, {"loss": loss})
            path = f"checkpoints/attempt-001/{placement.trial}-{epoch}"
            (folder.path / path).mkdir(parents=True)
            campaign.offered(placement.trial, 0, path)
        campaign.left_worker(placement.trial)
    fresh = sorted(key for key in campaign.state.paths if key[0].startswith("confirm-"))
    chosen = next(e for e in campaign.state.fresh.entrants if e != "start")
    expected = [(f"confirm-{of}-1", 0, 4) for of in sorted((chosen, "start"))]
    assert fresh == (expected if keeps else [])
    left = {p.name for p in (folder.checkpoints / "attempt-001").iterdir() if p.name.startswith("confirm-")}
    assert left == ({f"{name}-4" for name, *_ in expected} if keeps else set())


def test_without_points_the_middle_of_the_space_is(tmp_path):
    campaign, _ = attempt(tmp_path / "run", study(confirm={"share": 1.0}))
    assert campaign.state.fresh.start == "start"
    assert campaign.state.fresh.configs["start"] == {"x": 0.5}


def test_a_trial_that_was_stopped_early_stands_behind_those_that_were_trained_to_the_end(tmp_path):
    """Its one value may be the lowest of all; its curve says nothing of the end."""

    def lucky(config, trial, epoch, memory):
        found = step(config, trial, epoch, memory)
        return {**found, "loss": 0.001} if trial == "00004" and epoch == 1 else found

    spec = study(confirm={"top": 2, "seeds": 1})
    campaign, _ = attempt(tmp_path / "run", spec, step=lucky)
    assert campaign.state.best[1] == "00004"
    chosen = [e for e in campaign.state.fresh.entrants if e != "start"]
    assert len(chosen) == 2
    assert {campaign.state.ended[e].status for e in chosen} == {"completed"}


@pytest.mark.parametrize("strategy", ["rs", "asha", "ahb", "median", "asha-promote", "pasha", "topk", "pbt"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kills=st.lists(st.integers(min_value=0, max_value=60), min_size=1, max_size=6))
def test_no_epoch_is_lost_or_doubled_however_often_it_is_killed(tmp_path_factory, strategy, kills):
    path = tmp_path_factory.mktemp("storm") / "run"
    spec = study(strategy={"name": strategy} if strategy != "pbt" else {"name": "pbt", "perturbation_interval": 2})
    seen = []
    for stop_after in [*kills, None]:
        campaign, _ = attempt(path, spec, stop_after=stop_after)
        now = [(e["id"], e["seg"], e["epoch"], e["value"], e["d"]) for e in results(path)]
        assert now[: len(seen)] == seen, "what was reported stays as it was"
        seen = now
    assert campaign.ending == "done"
    keys = [(t, s, e) for t, s, e, *_ in seen]
    assert len(set(keys)) == len(keys)
    stretches = {}
    for trial, segment, epoch in keys:
        stretches.setdefault((trial, segment), []).append(epoch)
    for epochs in stretches.values():
        assert epochs == list(range(epochs[0], epochs[0] + len(epochs)))
    assert campaign.state.started == 20


def test_values_after_kills_are_those_of_an_unkilled_run(tmp_path):
    spec = study(strategy="rs")
    attempt(tmp_path / "whole", spec)
    for stop_after in (7, 31, 2, None):
        attempt(tmp_path / "cut", spec, stop_after=stop_after)
    whole, cut = ({(e["id"], e["epoch"]): e["value"] for e in results(tmp_path / name)} for name in ("whole", "cut"))
    assert whole == cut


def test_a_larger_budget_extends_a_finished_run(tmp_path):
    attempt(tmp_path / "run", study())
    before = results(tmp_path / "run")
    campaign, _ = attempt(tmp_path / "run", study(budget={"trials": 30}))
    assert campaign.state.started == 30
    assert results(tmp_path / "run")[: len(before)] == before


def test_a_larger_time_budget_is_for_the_search_alone(tmp_path):
    """Confirming takes time too; were it charged, a little more budget would buy no further trial."""
    attempt(tmp_path / "run", study(strategy="rs", budget={"time": 1.0}, confirm={"top": 2, "seeds": 40}))
    events = list(read(RunFolder(tmp_path / "run").events))
    [confirm] = [e for e in events if e["e"] == "confirm"]
    confirming_s = events[-1]["used_s"] - confirm["used_s"]
    assert confirming_s > 0.5, "else this test says nothing"
    started = sum(e["e"] == "trial" and "phase" not in e for e in events)
    more = study(strategy="rs", budget={"time": 1.5}, confirm={"top": 2, "seeds": 40})
    campaign, _ = attempt(tmp_path / "run", more)
    assert campaign.state.confirmed_s == pytest.approx(confirming_s, abs=0.01)
    assert campaign.state.started >= 1.3 * started


def test_a_failing_trial_is_a_row_and_the_run_goes_on(tmp_path):
    def failing(config, trial, epoch, memory):
        if trial == "00003":
            raise RuntimeError("bad configuration")
        return step(config, trial, epoch, memory)

    campaign, _ = attempt(tmp_path / "run", study(), step=failing)
    assert campaign.ending == "done"
    tables = Tables("min", EPOCHS)
    for event in read(RunFolder(tmp_path / "run").events):
        tables.apply(event)
    row = next(r for r in tables.trial_rows() if r["trial_id"] == "00003")
    assert (row["status"], row["failure"]) == ("failed", "code")
    assert "bad configuration" in row["error"]


def failing_at(trial, *errors):
    """A step whose trial meets these errors at its third epoch, one after another, and then none."""
    left = list(errors)

    def failing(config, name, epoch, memory):
        if name == trial and epoch == 3 and left:
            raise left.pop(0)
        return step(config, name, epoch, memory)

    return failing


def rows_of(path):
    tables = Tables("min", EPOCHS)
    for event in read(RunFolder(path).events):
        tables.apply(event)
    return tables, {row["trial_id"]: row for row in tables.trial_rows()}


STALE = OSError(errno.ESTALE, "Stale file handle")
ODD = RuntimeError("CUDA error: an illegal memory access was encountered")


def test_a_machines_fault_is_tried_again_and_shows_in_the_tables(tmp_path):
    spec = study(strategy="rs", budget={"trials": 4}, confirm={"top": 0})
    campaign, _ = attempt(tmp_path / "run", spec, step=failing_at("00001", STALE, STALE))
    assert campaign.state.counts == {"completed": 4}
    tables, rows = rows_of(tmp_path / "run")
    assert (rows["00001"]["losses"], rows["00001"]["last_loss"]) == (2, "storage")
    assert rows["00000"]["losses"] == 0 and rows["00000"]["last_loss"] is None
    assert tables.losses == {"storage": 2}
    assert summary("run", spec, tables)["losses"] == {"storage": 2}


@pytest.mark.parametrize(
    ("errors", "failure"),
    [
        ([STALE, STALE, STALE], "storage"),
        ([ODD, ODD], "gpu"),
        ([STALE, ODD, STALE, ODD], "gpu"),  # counted apart
        ([ODD], None),
        ([STALE, ODD, STALE], None),
    ],
)
def test_a_fault_that_follows_a_trial_is_charged_to_it_in_the_end(tmp_path, errors, failure):
    spec = study(strategy="rs", budget={"trials": 3}, confirm={"top": 0})
    campaign, _ = attempt(tmp_path / "run", spec, step=failing_at("00001", *errors))
    _, rows = rows_of(tmp_path / "run")
    assert rows["00001"]["failure"] == failure
    assert campaign.state.counts["failed"] == (failure is not None)


def test_faults_with_progress_between_them_are_never_charged(tmp_path):
    met = []

    def failing(config, name, epoch, memory):
        if name == "00001" and met.count(epoch) < 1:
            met.append(epoch)
            raise STALE
        return step(config, name, epoch, memory)

    spec = study(strategy="rs", budget={"trials": 2}, confirm={"top": 0}, checkpoints="all")
    campaign, _ = attempt(tmp_path / "run", spec, step=failing)
    assert len(met) == EPOCHS
    assert campaign.state.counts == {"completed": 2}


def test_the_log_names_the_node_of_a_fault(tmp_path):
    campaign, _ = attempt(tmp_path / "run", study(strategy="rs"), stop_after=1)
    trial = next(iter(campaign.state.live))
    campaign.log = EventLog(RunFolder(tmp_path / "run").events)
    campaign.faulted(trial, "gpu", "machine", "CUDA error: uncorrectable ECC error encountered", "10.0.0.7")
    campaign.log.close()
    [lost] = [e for e in campaign.log.read() if e["e"] == "lost"]
    assert (lost["failure"], lost["whose"], lost["node"]) == ("gpu", "machine", "10.0.0.7")
    tables = Tables("min", EPOCHS)
    for event in campaign.log.read():
        tables.apply(event)
    assert tables.losses_by_node == {"10.0.0.7": 1}


def test_a_hopeless_run_ends_early_with_the_first_error(tmp_path):
    def failing(config, trial, epoch, memory):
        raise RuntimeError(f"no data for {trial}")

    campaign, _ = attempt(tmp_path / "run", study(max_failed_trials=4), step=failing)
    assert campaign.ending == "hopeless"
    assert "no data for 00000" in campaign.why
    assert campaign.state.counts["failed"] < 20


def test_failures_are_held_against_all_trials_and_not_only_those_that_ended(tmp_path):
    """Under promotion most trials wait, paused: five failures among twenty must not end the run."""

    def failing(config, trial, epoch, memory):
        if int(trial.split("-")[-1]) % 4 == 0 and not trial.startswith("confirm"):
            raise RuntimeError("bad configuration")
        return step(config, trial, epoch, memory)

    spec = study(strategy="asha-promote", budget={"trials": 40}, confirm={"top": 0})
    campaign, _ = attempt(tmp_path / "run", spec, step=failing)
    assert campaign.ending == "done"
    assert campaign.state.counts["failed"] == 10


def test_a_divergence_is_recorded_and_never_told_as_a_value(tmp_path):
    def diverging(config, trial, epoch, memory):
        return (
            {"loss": float("nan")} if trial in ("00001", "00002") and epoch == 2 else step(config, trial, epoch, memory)
        )

    campaign, _ = attempt(tmp_path / "run", study(), step=diverging)
    assert campaign.state.counts["diverged"] == 2
    assert campaign.ending == "done"


def test_a_trainable_that_never_reports_the_metric_ends_the_run_and_says_what_it_did_report(tmp_path):
    campaign, _ = attempt(tmp_path / "run", study(), step=lambda *_: {"mae": 1.0, "r2": 0.5})
    assert campaign.ending == "hopeless"
    assert "mae, r2" in campaign.why


def test_more_is_better_when_the_study_says_so(tmp_path):
    def accuracy(config, trial, epoch, memory):
        return {"loss": -step(config, trial, epoch, memory)["loss"]}

    low, _ = attempt(tmp_path / "low", study())
    high, _ = attempt(tmp_path / "high", study(mode="max"), step=accuracy)
    assert low.state.best == high.state.best


@pytest.mark.parametrize("strategy", ["asha", "asha-promote"])
def test_checkpoints_on_disk_are_those_of_the_log_and_of_trials_that_may_go_on(tmp_path, strategy):
    campaign, _ = attempt(tmp_path / "run", study(strategy=strategy, checkpoints="all"))
    kept = {str(p.relative_to(tmp_path / "run")) for p in (tmp_path / "run" / "checkpoints").glob("*/*")}
    assert kept == set(campaign.state.paths.values())
    assert {trial for trial, _, _ in campaign.state.paths} <= campaign.state.live.keys()
    assert Counter(e["e"] for e in read(RunFolder(tmp_path / "run").events))["drop"] > 0


def test_a_missing_checkpoint_is_named_and_the_trial_starts_anew(tmp_path):
    import shutil

    spec = study(strategy="asha-promote")
    attempt(tmp_path / "run", spec, stop_after=15)
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    campaign, _ = attempt(tmp_path / "run", spec)
    assert campaign.ending == "done"
    assert any(e.get("why") == "missing" for e in read(RunFolder(tmp_path / "run").events) if e["e"] == "drop")


def test_a_superseded_attempt_confirms_what_it_found_itself(tmp_path):
    """A newer attempt, which accepted less of the log, is noticed only seconds later; until then nothing may break."""
    newer = []

    def taken_over(config, trial, epoch, memory):
        if len(results(tmp_path / "run")) == 5 and not newer:
            log = EventLog(RunFolder(tmp_path / "run").events)
            log.append({"e": "attempt", "n": log.attempt, "accepts_bytes": {str(k): v for k, v in log.accepts.items()}})
            newer.append(log)
        return step(config, trial, epoch, memory)

    campaign, _ = attempt(tmp_path / "run", study(), step=taken_over)
    assert campaign.failure is None
    assert campaign.ending == "done"
    assert campaign.log.superseded() == 2
    assert len(results(tmp_path / "run")) == 5, "the newer attempt goes on from what it accepted"


class Late:
    """A searcher whose first suggestion takes its time, or never comes."""

    name = "late"

    def __init__(self, waiting):
        self.waiting = waiting

    def suggest(self, ordinal, now_s):
        return None

    def applied(self, event):
        pass

    def wait(self, seconds):
        self.waits = getattr(self, "waits", 0) + 1


def test_it_waits_for_a_suggestion_only_while_nothing_else_can_happen(tmp_path):
    campaign, _ = attempt(tmp_path / "run", study(), stop_after=0)
    searcher = campaign.state.strategy.searcher = Late(waiting=True)
    campaign.ending, campaign.queue = None, deque()
    assert campaign.wait_for_suggestion(0.1)
    campaign.saving = {"00000": (0, 1)}
    assert not campaign.wait_for_suggestion(0.1), "the end of a save comes through the engine's loop"
    campaign.saving = {}
    campaign.queue = deque(["00000"])
    assert not campaign.wait_for_suggestion(0.1)
    campaign.queue = deque()
    campaign.ending = "interrupted"
    assert not campaign.wait_for_suggestion(0.1)
    campaign.ending, searcher.waiting = None, False
    assert not campaign.wait_for_suggestion(0.1)
    assert searcher.waits == 1


def test_a_suggestion_that_is_being_worked_out_is_no_deadlock_however_long_it_takes(tmp_path):
    """The first answer of a model in another process may take minutes on a busy machine, with no trial running."""
    campaign, _ = attempt(tmp_path / "run", study(), stop_after=0)
    campaign.log = EventLog(campaign.store.events)
    now = iter([1.0, 200.0, 400.0])
    campaign.clock.now_s = lambda: next(now)
    campaign.ending, campaign.queue = None, deque()
    campaign.state.strategy.searcher = Late(waiting=True)
    for _ in range(3):
        campaign._check_deadlock(busy=0)
    campaign.state.strategy.searcher.waiting = False
    now = iter([500.0, 700.0])
    campaign._check_deadlock(busy=0)
    with pytest.raises(StrategyError, match="nothing to do"):
        campaign._check_deadlock(busy=0)
