"""Workers that are lost and jobs that end, on the virtual clock: the campaign's own lines, with what they cost."""

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.simulate import Curves, Delays, Interruptions, simulate
from perch.space import Space, parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build

SPACE: Space = parse_space({"x": {"float": [0.0, 1.0]}}, name="toy")
EPOCHS, EPOCH_S, SAVE_S = 27, 60.0, 2.0


class Even(Curves):
    """Every epoch takes a minute; trials differ by their configuration alone."""

    def value(self, config, trial, epoch):
        return config["x"] + 1 / epoch

    def seconds(self, config, trial, epoch):
        return EPOCH_S


def run(strategy="rs", trials=6, workers=2, time_s=None, **interruptions):
    plan = Plan(space=SPACE, epochs=EPOCHS, trials=trials, seed=0, workers=workers)
    return list(
        simulate(
            build(strategy, plan, None), Even(), workers=workers, time_s=time_s, delays=Delays(start_s=10.0, save_s=SAVE_S),
            epochs=EPOCHS, interruptions=Interruptions(**interruptions),
        )
    )  # fmt: skip


def trained(events):
    """Trial → epochs that were reported to the strategy, in their order."""
    out = {}
    for event in events:
        if event["e"] == "result":
            out.setdefault(event["id"], []).append(event["epoch"])
    return out


def redone(events):
    return sum(e.get("redone", 0) for e in events if e["e"] == "spent")


def test_without_interruptions_nothing_is_saved_that_a_strategy_does_not_need():
    assert not {"lost", "checkpoint"} & {e["e"] for e in run()}


@given(seed=st.integers(0, 50), minutes=st.integers(30, 300))
def test_whatever_is_lost_every_epoch_counts_once_and_a_loss_costs_no_more_than_the_insured_interval(seed, minutes):
    events = run(lost_every_s=60.0 * minutes, back_after_s=300.0, seed=seed)
    assert all(epochs == list(range(1, len(epochs) + 1)) for epochs in trained(events).values())
    losses = Counter(e["id"] for e in events if e["e"] == "lost")
    failed = {e["id"] for e in events if e["e"] == "error"}
    assert all(len(epochs) == EPOCHS for trial, epochs in trained(events).items() if trial not in failed)
    most = math.ceil(600.0 / EPOCH_S) + 1
    assert redone(events) <= most * sum(losses.values())


def test_a_trial_that_is_longer_than_the_walltime_finishes_and_a_warned_end_costs_no_epoch():
    walltime_s = 10 * EPOCH_S
    events = run(trials=2, walltime_s=walltime_s, warning_s=2 * EPOCH_S)
    assert [len(e) for e in trained(events).values()] == [EPOCHS, EPOCHS]
    assert redone(events) == 0
    attempts = [e for e in events if e["e"] == "attempt"]
    assert [e["n"] for e in attempts] == list(range(1, len(attempts) + 1)) and len(attempts) >= 3
    for one, other in pairwise(attempts):
        assert other["used_s"] - one["used_s"] <= walltime_s


def test_without_a_warning_a_walltime_costs_what_is_not_insured():
    events = run(trials=2, walltime_s=17.5 * EPOCH_S, warning_s=0.0)
    assert [len(e) for e in trained(events).values()] == [EPOCHS, EPOCHS]
    attempts = sum(e["e"] == "attempt" for e in events)
    assert 0 < redone(events) <= 11 * 2 * (attempts - 1)


@pytest.mark.parametrize("strategy", ["asha", "ahb", "median", "asha-promote", "pasha", "topk", "rs"])
def test_equal_arguments_give_equal_logs(strategy):
    how = {
        "lost_every_s": 3600.0,
        "back_after_s": 60.0,
        "walltime_s": 7200.0,
        "time_s": 50_000.0,
        "trials": 30,
        "workers": 4,
    }
    assert run(strategy, **how) == run(strategy, **how)
    assert run(strategy, **how) != run(strategy, **how, seed=1)
