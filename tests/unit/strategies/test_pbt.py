"""Population based training: who copies whom, when, and which checkpoints live."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perch.record.ancestry import Segment, ancestry
from perch.simulate import Delays, PowerLaw, simulate
from perch.space import parse_space
from perch.strategies.pbt import Pbt, PbtSettings, quantile_size
from perch.strategies.plan import Plan
from perch.strategies.strategy import DONE, GO, Action, Decision, New, Resume

SPACE = parse_space({"lr": {"float": [0.001, 0.1], "log": True}, "batch_size": {"choice": [16, 32, 64]}, "width": 8})


def population(members: int, **values: Any) -> Pbt:
    """All members started."""
    pbt = Pbt(Plan(SPACE, 40, members), PbtSettings(**values))
    for ordinal in range(members):
        new = pbt.ask(0.0)
        assert isinstance(new, New)
        pbt.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": new.config, "bracket": 0})
    return pbt


def report(pbt: Pbt, trial: int, epoch: int, value: float, segment: int = 0) -> Decision:
    decision = pbt.tell(str(trial), epoch, value, 0.0)
    event: dict[str, Any] = {"e": "result", "id": str(trial), "seg": segment, "epoch": epoch, "value": value}
    event["d"] = decision.action
    if x := decision.exploit:
        event["x"] = {"donor": x.donor, "seg": x.segment, "epoch": x.epoch, "config": x.config}
    pbt.applied(event)
    if decision.action in (Action.SAVE, Action.PAUSE):
        pbt.applied({"e": "checkpoint", "id": str(trial), "seg": segment, "epoch": epoch, "path": ""})
    return decision


def compared(values: list[float]) -> Pbt:
    """A population whose members have all been compared once, at epoch 4, best first."""
    pbt = population(len(values))
    for trial, value in enumerate(values):
        report(pbt, trial, 4, value)
    return pbt


def test_between_comparisons_nothing_is_judged() -> None:
    pbt = population(4)
    assert [report(pbt, 0, epoch, 0.5) for epoch in (1, 2, 3)] == [GO, GO, GO]
    assert report(pbt, 0, 4, 0.5).rung == 4


def test_the_worst_goes_on_from_the_best_with_perturbed_values() -> None:
    pbt = compared([0.1, 0.2, 0.3])
    report(pbt, 0, 8, 0.05)
    decision = report(pbt, 2, 8, 0.3)
    assert (decision.action, decision.rank, decision.size, decision.cutoff) == (Action.EXPLOIT, 3, 3, 0.2)
    assert decision.exploit is not None
    assert (decision.exploit.donor, decision.exploit.segment, decision.exploit.epoch) == ("0", 0, 8)
    donor, new = pbt.members["0"].config, decision.exploit.config
    assert new != donor
    assert new["width"] == 8
    assert list(SPACE.problems(new)) == []


def test_the_best_leave_a_checkpoint_and_the_middle_does_not() -> None:
    pbt = compared([0.1, 0.2, 0.3])
    assert report(pbt, 0, 8, 0.05).action == Action.SAVE
    assert report(pbt, 1, 8, 0.2).action == Action.GO


def test_a_donor_needs_a_checkpoint_in_the_log() -> None:
    """Nobody has one yet: the worst trains on rather than copying what is not there."""
    pbt = population(3)
    for trial, value in enumerate([0.1, 0.2]):
        pbt.applied({"e": "result", "id": str(trial), "seg": 0, "epoch": 4, "value": value, "d": "save"})
    assert report(pbt, 2, 4, 0.9).action == Action.GO


def test_a_dropped_checkpoint_makes_no_donor() -> None:
    pbt = compared([0.1, 0.2, 0.3])
    report(pbt, 0, 8, 0.05)
    assert pbt.tell("2", 8, 0.9, 0.0).exploit is not None
    pbt.applied({"e": "drop", "id": "0", "seg": 0, "epoch": 8, "why": "missing"})
    assert pbt.tell("2", 8, 0.9, 0.0).exploit is None


def test_a_member_that_has_ended_makes_no_donor_and_is_not_compared() -> None:
    pbt = compared([0.1, 0.2, 0.3])
    pbt.applied({"e": "error", "id": "0", "seg": 0, "epoch": 4, "failure": "lost"})
    decision = pbt.tell("2", 8, 0.9, 0.0)
    assert decision.exploit is None or decision.exploit.donor == "1"
    assert decision.size == 2


def test_after_an_exploit_a_member_counts_its_epochs_from_the_donors() -> None:
    pbt = compared([0.1, 0.2, 0.3])
    report(pbt, 0, 8, 0.05)
    report(pbt, 2, 8, 0.9)
    assert report(pbt, 2, 9, 0.9, segment=1) == GO
    assert report(pbt, 2, 12, 0.06, segment=1).rung == 12


def test_results_of_a_segment_that_was_left_are_ignored() -> None:
    pbt = compared([0.1, 0.2, 0.3])
    report(pbt, 0, 8, 0.05)
    report(pbt, 2, 8, 0.9)
    pbt.applied({"e": "result", "id": "2", "seg": 0, "epoch": 9, "value": 0.001, "d": "go"})
    assert pbt.members["2"].epoch == 8
    assert pbt.last_epoch["2"] == 8


def test_a_donors_checkpoint_lives_until_the_copy_has_one_of_its_own() -> None:
    pbt = compared([0.1, 0.2, 0.3])
    report(pbt, 0, 8, 0.05)
    report(pbt, 2, 8, 0.9)
    assert report(pbt, 0, 12, 0.04).action == Action.SAVE
    assert pbt.surplus() == ()
    pbt.applied({"e": "error", "id": "0", "seg": 0, "epoch": 12, "failure": "code"})
    assert pbt.surplus() == (("0", 0, 12),)
    pbt.applied({"e": "checkpoint", "id": "2", "seg": 1, "epoch": 12, "path": ""})
    assert set(pbt.surplus()) == {("0", 0, 8), ("0", 0, 12)}


def test_a_checkpoint_that_arrives_after_its_segment_was_left_is_surplus() -> None:
    pbt = compared([0.1, 0.2, 0.3])
    report(pbt, 0, 8, 0.05)
    assert report(pbt, 2, 8, 0.9).action == Action.EXPLOIT
    pbt.applied({"e": "checkpoint", "id": "2", "seg": 0, "epoch": 8, "path": ""})
    assert ("2", 0, 8) in pbt.surplus()


def test_a_population_larger_than_the_workers_takes_turns() -> None:
    pbt = Pbt(Plan(SPACE, 40, 4), PbtSettings())
    for ordinal in range(2):
        pbt.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": SPACE.draw(0, ordinal), "bracket": 0})
    assert report(pbt, 0, 4, 0.5).action == Action.PAUSE
    assert isinstance(pbt.ask(0.0), New)
    for ordinal in (2, 3):
        pbt.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": SPACE.draw(0, ordinal), "bracket": 0})
    assert pbt.ask(0.0) == Resume("0")


def test_a_member_that_has_copied_gives_way_before_it_copies_again() -> None:
    """Else it would be compared with members that wait, and so never change, for ever."""
    pbt = compared([0.1, 0.2, 0.3])
    report(pbt, 0, 8, 0.05)
    pbt.applied({"e": "result", "id": "1", "seg": 0, "epoch": 8, "value": 0.2, "d": "pause"})
    assert report(pbt, 2, 8, 0.9).action == Action.EXPLOIT
    assert report(pbt, 2, 12, 0.9, segment=1).action == Action.PAUSE
    pbt.applied({"e": "promote", "id": "2"})
    assert report(pbt, 2, 16, 0.9, segment=1).action == Action.EXPLOIT


@settings(max_examples=15, deadline=None)
@given(members=st.integers(2, 20), workers=st.integers(1, 24), seed=st.integers(0, 50), interval=st.integers(1, 6))
def test_every_member_reaches_the_end_with_any_number_of_workers_and_the_disk_stays_bounded(
    members: int, workers: int, seed: int, interval: int
) -> None:
    pbt = Pbt(Plan(SPACE, 24, members, seed=seed, workers=workers), PbtSettings(perturbation_interval=interval))
    curves = PowerLaw(SPACE, seed=seed, noise=0.1)
    saves: set[tuple[str, int, int]] = set()
    most = 0
    for event in simulate(pbt, curves, workers=workers, delays=Delays(save_s=0.2, load_s=0.1)):
        if event["e"] in ("checkpoint", "drop"):
            key = (event["id"], event["seg"], event["epoch"])
            (saves.add if event["e"] == "checkpoint" else saves.discard)(key)
            most = max(most, len(saves))
    assert pbt.ask(1e9) == DONE
    assert most <= 2 * members + 1
    assert saves == set()


def test_epochs_of_every_lineage_are_whole() -> None:
    pbt = Pbt(Plan(SPACE, 24, 12), PbtSettings())
    log = list(simulate(pbt, PowerLaw(SPACE, noise=0.1), workers=12))
    assert sum(e.get("d") == "exploit" for e in log) > 5
    trained: dict[Segment, list[int]] = {}
    parents: dict[Segment, tuple[str, int, int]] = {}
    for e in (e for e in log if e["e"] == "result"):
        trained.setdefault((e["id"], e["seg"]), []).append(e["epoch"])
        if x := e.get("x"):
            parents[e["id"], e["seg"] + 1] = (x["donor"], x["seg"], x["epoch"])
    longest = 0
    for trial in {name for name, _ in trained}:
        last = max(segment for name, segment in trained if name == trial)
        chain = ancestry((trial, last), parents)
        epochs = [e for at, until in chain for e in trained.get(at, []) if until is None or e <= until]
        assert epochs == list(range(1, 25))
        longest = max(longest, len(chain))
    assert longest > 2


@given(members=st.integers(0, 100), fraction=st.floats(0.01, 0.5))
def test_the_two_quantiles_never_overlap(members: int, fraction: float) -> None:
    size = quantile_size(members, fraction)
    assert 2 * size <= members
    assert members < 2 or size >= 1


@pytest.mark.parametrize(
    ("trials", "asked", "workers", "size"),
    [(20, None, 1, 20), (None, None, 4, 16), (None, None, 32, 32), (20, 8, 1, 8)],
)
def test_size_of_the_population(trials: int | None, asked: int | None, workers: int, size: int) -> None:
    assert Pbt(Plan(SPACE, 40, trials, workers=workers), PbtSettings(population_size=asked)).trials == size
