"""PASHA: its ladder and its estimate of noise against a plain transcription of the paper, at every event of simulated studies."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perch.simulate import Delays, PowerLaw, simulate
from perch.space import parse_space
from perch.strategies.pasha import Pasha, PashaSettings, crossed_twice
from perch.strategies.plan import Plan
from perch.strategies.strategy import Event

SPACE = parse_space({"lr": {"float": [0.001, 0.1]}, "width": {"int": [1, 64]}})
Ranking = list[tuple[str, float]]


def same_order(top: Ranking, below: Ranking, epsilon: float) -> bool:
    """Section 4.2: at each place of the top rung stands a member of the group of trials within ε of that place below."""
    groups = [{t for t, v in below if abs(v - value) <= epsilon} for _, value in below]
    return all(trial in group for (trial, _), group in zip(top, groups, strict=True))


def noise(curves: dict[str, list[float]]) -> list[float]:
    """Distances at the end between all pairs whose order, looking back, changes and changes back."""
    found = []
    for first, second in combinations(curves.values(), 2):
        now, changed = first[-1] > second[-1], False
        for a, b in list(zip(first, second, strict=True))[-2::-1]:
            if (a > b) != now:
                changed = True
            elif changed:
                found.append(abs(first[-1] - second[-1]))
                break
    return found


class Checked(Pasha):
    """The strategy under the eyes of the transcription."""

    def __init__(self, plan: Plan, settings: PashaSettings) -> None:
        super().__init__(plan, settings)
        self.values: dict[str, dict[int, float]] = {}
        self.expected_top, self.expected_epsilon = 1, 0.0
        self.arrived: list[str] = []
        self.compared = self.grown = 0

    def applied(self, event: Event) -> None:
        fresh = event["e"] == "result" and event["epoch"] > self.last_epoch.get(event["id"], 10**9)
        super().applied(event)
        if not fresh:
            return
        trial, epoch = event["id"], event["epoch"]
        self.values.setdefault(trial, {})[epoch] = event["value"]
        top = self.ladder[self.expected_top]
        if epoch != top or top == self.plan.epochs:
            return
        self.arrived.append(trial)
        self.compared += 1
        live = [t for t in self.arrived if t in self.last_epoch]
        distances = noise({t: [self.values[t][e] for e in range(1, top + 1)] for t in live})
        below = self.ladder[self.expected_top - 1]
        if len(live) == len(self.arrived):
            if distances:
                self.expected_epsilon = float(np.percentile(distances, self.settings.percentile))
            assert self.epsilon == pytest.approx(self.expected_epsilon, abs=1e-12)
        ranked = sorted(self.arrived, key=lambda t: (self.values[t][top], t))
        before = sorted(self.arrived, key=lambda t: (self.values[t][below], t))
        rankings = ([(t, self.values[t][e]) for t in order] for e, order in ((top, ranked), (below, before)))
        if not same_order(*rankings, self.epsilon):
            self.expected_top, self.arrived = self.expected_top + 1, []
            self.grown += 1
        assert self.top == self.expected_top


def played(
    spec: PashaSettings, trials: int | None, workers: int, seed: int, size: float
) -> tuple[Checked, list[dict[str, Any]]]:
    strategy = Checked(Plan(SPACE, 81, trials, seed=seed), spec)
    curves = PowerLaw(SPACE, seed=seed, noise=size)
    return strategy, list(simulate(strategy, curves, workers=workers, delays=Delays(save_s=0.3, load_s=0.2)))


@settings(max_examples=25, deadline=None)
@given(
    eta=st.integers(2, 4), grace=st.integers(1, 2), workers=st.integers(1, 9), seed=st.integers(0, 100),
    size=st.sampled_from([0.0, 0.02, 0.2]),
)  # fmt: skip
def test_its_ladder_grows_when_the_papers_does(eta: int, grace: int, workers: int, seed: int, size: float) -> None:
    strategy, log = played(PashaSettings(reduction_factor=eta, grace_period=grace), 40, workers, seed, size)
    assert log[-1]["why"] == "done"
    assert strategy.compared > 0
    ended = {e["id"] for e in log if e["e"] == "result" and e["epoch"] == 81}
    assert ended
    beyond = {e["id"] for e in log if e["e"] == "result" and e["epoch"] > strategy.ladder[strategy.top]}
    assert beyond <= ended


def test_noise_makes_it_grow_and_a_settled_order_does_not() -> None:
    calm, _ = played(PashaSettings(), 60, 4, 1, 0.0)
    assert calm.expected_top < len(calm.ladder) - 1
    grown = [played(PashaSettings(percentile=1), 60, 4, seed, 0.2)[0].grown for seed in range(5)]
    assert max(grown) > 0


def test_within_epsilon_an_order_may_change() -> None:
    """Three trials swap places between epochs 1 and 3, each by less than ε from the place it takes."""
    strategy = Pasha(Plan(SPACE, 81, 9), PashaSettings())
    for i, (one, two, three) in enumerate(((0.50, 0.52, 0.45), (0.51, 0.48, 0.46), (0.52, 0.50, 0.44))):
        strategy.applied({"e": "trial", "id": str(i), "i": i, "config": {}, "bracket": 0})
        for epoch, value, d in ((1, one, "go"), (2, two, "go"), (3, three, "pause")):
            strategy.applied({"e": "result", "id": str(i), "seg": 0, "epoch": epoch, "value": value, "d": d})
        if i == 1:
            assert strategy.ladder[strategy.top] == 3
            assert strategy.epsilon == pytest.approx(0.01)
    assert strategy.ladder[strategy.top] == 9


@given(st.lists(st.lists(st.sampled_from([-1.0, 1.0]), min_size=4, max_size=4), min_size=1, max_size=6))
def test_curves_that_cross_twice(apart: list[list[float]]) -> None:
    found = crossed_twice(np.array(apart)).tolist()
    zero = [0.0] * 4
    assert found == [len(noise({"a": one, "b": zero})) == 1 for one in apart]
