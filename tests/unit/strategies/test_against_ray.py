"""Decisions equal to those of Ray's own classes wherever these are right, over recorded orders of results."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule, PopulationBasedTraining

from perch.space import parse_space
from perch.strategies.registry import Plan, build
from perch.strategies.strategy import Action, New, Strategy

SPACE = parse_space({"lr": {"float": [0.001, 0.1]}})


class Trials:
    """A strategy and a Ray scheduler fed with the same trials and results."""

    def __init__(self, strategy: Strategy, scheduler: Any) -> None:
        self.strategy, self.scheduler = strategy, scheduler
        self.live: dict[str, SimpleNamespace] = {}
        self.started = 0

    def start(self) -> str:
        new = self.strategy.ask(0.0)
        assert isinstance(new, New)
        trial = f"{self.started:05d}"
        self.strategy.applied(
            {"e": "trial", "id": trial, "i": self.started, "config": new.config, "bracket": new.bracket}
        )
        self.live[trial] = Hashable(trial_id=trial, bracket=new.bracket)
        self.started += 1
        return trial

    def report(self, trial: str, epoch: int, value: float) -> tuple[str, str]:
        """Ours and Ray's decision."""
        result = {"training_iteration": epoch, "loss": value}
        theirs = self.scheduler.on_trial_result(SimpleNamespace(get_live_trials=list), self.live[trial], result)
        decision = self.strategy.tell(trial, epoch, value, 0.0)
        event = {"e": "result", "id": trial, "seg": 0, "epoch": epoch, "value": value}
        self.strategy.applied({**event, "d": str(decision.action)})
        if decision.action == Action.STOP:
            del self.live[trial]
        return str(decision.action), "stop" if theirs == "STOP" else "go"


class Hashable(SimpleNamespace):
    """Stands in for Ray's Trial, as a key of dictionaries."""

    def __hash__(self) -> int:
        return hash(self.trial_id)


def compare(trials: Trials, number: int, rng: random.Random, ties: bool) -> tuple[int, int]:
    """Run ``number`` trials with eight workers in a random order of results; results, and stops before the end."""
    epochs: dict[str, int] = {}
    results = stops = 0
    while trials.live or trials.started < number:
        while len(trials.live) < 8 and trials.started < number:
            trial = trials.start()
            epochs[trial] = 0
            if isinstance(trials.scheduler, AsyncHyperBandScheduler):
                bracket = trials.scheduler._brackets[trials.live[trial].bracket]
                trials.scheduler._trial_info[trial] = bracket
        trial = rng.choice(list(trials.live))
        epochs[trial] += 1
        value = rng.randrange(12) / 8 if ties else rng.gauss(0, 1) + 3 / epochs[trial]
        ours, theirs = trials.report(trial, epochs[trial], value)
        assert ours == theirs, (trial, epochs[trial], value)
        results += 1
        stops += ours == "stop"
    return results, stops


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize("eta", [2, 3, 4])
@pytest.mark.parametrize(("name", "brackets"), [("asha", 1), ("ahb", 3)])
def test_asha_and_ahb_stop_what_rays_scheduler_stops(name: str, brackets: int, eta: int, ties: bool) -> None:
    spec = {"name": name, "reduction_factor": eta, "grace_period": 1}
    strategy = build(spec, Plan(SPACE, 81, 400, seed=eta))
    scheduler = AsyncHyperBandScheduler(
        metric="loss", mode="min", max_t=81, grace_period=1, reduction_factor=eta, brackets=brackets
    )
    results, _ = compare(Trials(strategy, scheduler), 400, random.Random(eta), ties)
    assert results > 1000


@pytest.mark.parametrize("grace", [2, 5])
def test_asha_with_a_grace_period_stops_what_rays_scheduler_stops(grace: int) -> None:
    strategy = build({"name": "asha", "grace_period": grace}, Plan(SPACE, 100, 300))
    scheduler = AsyncHyperBandScheduler(metric="loss", mode="min", max_t=100, grace_period=grace, reduction_factor=3)
    results, stops = compare(Trials(strategy, scheduler), 300, random.Random(grace), False)
    assert results > 1000
    assert stops == 300


def test_ahb_spreads_trials_over_brackets_as_rays_softmax_does() -> None:
    scheduler = AsyncHyperBandScheduler(metric="loss", mode="min", max_t=81, reduction_factor=3, brackets=3)
    sizes = np.array([len(b._rungs) for b in scheduler._brackets])
    theirs = np.exp(sizes - sizes.max()) / np.exp(sizes - sizes.max()).sum()
    strategy: Any = build("ahb", Plan(SPACE, 81, None))
    assert strategy.shares == pytest.approx(theirs, abs=1e-12)
    drawn = np.bincount([strategy.bracket_of(k) for k in range(20_000)]) / 20_000
    assert drawn == pytest.approx(theirs, abs=0.01)


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize(("grace", "samples"), [(1, 3), (4, 5)])
def test_median_stops_what_rays_rule_stops(grace: int, samples: int, ties: bool) -> None:
    spec = {"name": "median", "grace_period": grace, "min_samples_required": samples}
    strategy = build(spec, Plan(SPACE, 27, 60))
    scheduler = MedianStoppingRule(
        time_attr="training_iteration",
        metric="loss",
        mode="min",
        grace_period=grace,
        min_samples_required=samples,
        min_time_slice=10**9,
    )
    trials = Trials(strategy, Last(scheduler, 27))
    results, _ = compare(trials, 60, random.Random(grace), ties)
    assert results > 200


class Last:
    """Ray's rule under Tune's own stop at the last epoch."""

    def __init__(self, scheduler: MedianStoppingRule, epochs: int) -> None:
        self.scheduler, self.epochs = scheduler, epochs

    def on_trial_result(self, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        decision = self.scheduler.on_trial_result(controller, trial, result)
        return "STOP" if result["training_iteration"] >= self.epochs else str(decision)


@pytest.mark.parametrize("fraction", [0.25, 0.4, 0.5])
@pytest.mark.parametrize("members", [2, 3, 5, 8, 16])
def test_pbt_finds_the_quantiles_that_rays_scheduler_finds(members: int, fraction: float) -> None:
    rng = random.Random(members)
    theirs = PopulationBasedTraining(
        time_attr="training_iteration",
        metric="loss",
        mode="min",
        hyperparam_mutations={"lr": [0.1, 0.2]},
        quantile_fraction=fraction,
    )
    spec = {"name": "pbt", "population_size": members, "quantile_fraction": fraction}
    ours: Any = build(spec, Plan(SPACE, 20, workers=members))
    scores = {f"{k:05d}": rng.random() for k in range(members)}
    for ordinal, (trial, score) in enumerate(scores.items()):
        new = ours.ask(0.0)
        ours.applied({"e": "trial", "id": trial, "i": ordinal, "config": new.config, "bracket": 0})
        stub = Hashable(trial_id=trial, is_finished=lambda: False, experiment_tag="")
        theirs._trial_state[stub] = SimpleNamespace(last_score=-score)
        event = {"e": "result", "id": trial, "seg": 0, "epoch": 4, "value": score, "d": "go"}
        ours.applied(event)
    worst, best = theirs._quantiles()
    for trial, score in scores.items():
        decision = ours.tell(trial, 8, score, 0.0)
        assert decision.rank is not None
        share = len(best)
        assert (decision.rank <= share) == (trial in {t.trial_id for t in best})
        assert (decision.rank > members - share) == (trial in {t.trial_id for t in worst})
        assert (decision.action == Action.SAVE) == (trial in {t.trial_id for t in best})


def test_where_rays_scheduler_is_wrong_a_nan_becomes_a_rung_score_and_ours_stops_it() -> None:
    """Ray lets a NaN pass for ever, and a rung of NaNs stops nobody."""
    theirs = AsyncHyperBandScheduler(metric="loss", mode="min", max_t=27, reduction_factor=3)
    ours = build("asha", Plan(SPACE, 27, 10))
    trials = Trials(ours, theirs)
    for _ in range(3):
        trial = trials.start()
        theirs._trial_info[trial] = theirs._brackets[0]
    assert trials.report("00000", 1, float("nan")) == ("stop", "go")
    with pytest.warns(RuntimeWarning, match="All-NaN"):
        assert trials.report("00001", 1, 0.5) == ("go", "go")
    assert ours.tell("00002", 1, 0.9, 0.0).size == 2
