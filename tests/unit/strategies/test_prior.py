"""Suggestions from priors: the same share for every searcher, gone again after a kill, and of bounded cost when they are wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.unit.strategies.searchers.instant import instant

from perch.prior import Prior
from perch.simulate import PowerLaw, differences, simulate
from perch.space import Space, keyed_uniforms, parse_space
from perch.strategies import registry
from perch.strategies.plan import Plan
from perch.strategies.prior import BETA, from_prior
from perch.strategies.registry import read_settings
from perch.strategies.searchers.prefetch import AheadSettings, PrefetchSearcher

PLAIN = parse_space(
    {"lr": {"float": [0.001, 1.0], "log": True}, "width": {"float": [0.0, 1.0]}, "depth": {"int": [1, 20]}}
)
SEARCHING = (
    "rs",
    "asha",
    "ahb",
    "median",
    "asha-promote",
    "pasha",
    "topk",
    "tpe",
    "asha-tpe",
    "gp",
    "asha-gp",
    "bo",
    "asha-bo",
)


def believing(unit: dict[str, float]) -> Space:
    """The space with a prior of a twelfth of each axis around a point of the unit cube."""
    at = PLAIN.from_unit(unit)
    widths = {"lr": 1000 ** (1 / 12), "width": 1 / 12, "depth": 20 / 12}
    return replace(PLAIN, priors={k: Prior(at[k], width=widths[k]) for k in PLAIN.dimensions})


def optimum(seed: int) -> dict[str, float]:
    """Where the constructed curves are best."""
    draws = keyed_uniforms(seed, "optimum")
    return {k: next(draws) for k in PLAIN.dimensions}


def far_from(unit: dict[str, float]) -> dict[str, float]:
    return {k: 0.02 if u > 0.5 else 0.98 for k, u in unit.items()}


RIGHT = believing({"lr": 0.5, "width": 0.5, "depth": 0.5})


def build(name: str, plan: Plan) -> Any:
    entry, settings = read_settings(name)
    searcher = None
    if isinstance(settings, AheadSettings):
        searcher = PrefetchSearcher(entry.searcher, plan, settings, instant(plan))
    return registry.build(name, plan, searcher)


def played(name: str, space: Space, seed: int = 0, trials: int = 60) -> list[dict[str, Any]]:
    plan = Plan(space, 27, trials, seed=seed, workers=4)
    return list(simulate(build(name, plan), PowerLaw(PLAIN, seed=seed), workers=4, epochs=27))


def test_the_first_is_the_centre_and_the_share_falls() -> None:
    plan = Plan(RIGHT, 27)
    first = from_prior(plan, 0)
    assert first is not None
    assert first.config == {k: p.centre for k, p in RIGHT.priors.items()}
    taken = np.array([[from_prior(replace(plan, seed=s), k) is not None for k in range(400)] for s in range(40)])
    for low, high in ((0, 5), (5, 20), (20, 60), (60, 150), (150, 400)):
        expected = float(np.mean([BETA / (BETA + k) for k in range(low, high)]))
        assert taken[:, low:high].mean() == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("name", SEARCHING)
def test_every_searcher_takes_the_same_ones(name: str) -> None:
    log = played(name, RIGHT)
    configs = {e["i"]: (e["by"], e["config"]) for e in log if e["e"] == "trial"}
    plan = Plan(RIGHT, 27, 60)
    for ordinal, (by, config) in configs.items():
        expected = from_prior(plan, ordinal)
        assert (by == "prior") == (expected is not None)
        assert expected is None or config == expected.config
    assert 10 < sum(by == "prior" for by, _ in configs.values()) < 30


@pytest.mark.parametrize("name", ["rs", "asha-tpe", "gp"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_killed_anywhere_the_same_are_suggested(name: str, share: float) -> None:
    log = played(name, RIGHT)
    again = build(name, Plan(RIGHT, 27, 60, workers=4))
    assert list(differences(again, log, trusted=int(share * len(log)))) == []


def test_grids_and_designs_cover_the_space_whatever_is_believed() -> None:
    assert {e["by"] for e in played("design", RIGHT, trials=10) if e["e"] == "trial"} == {"design"}


def test_what_the_priors_leave_of_random_search_is_what_it_would_have_drawn() -> None:
    """So the best of a search with a wrong prior is at least as good as the best of what is left."""
    with_prior = {e["i"]: e for e in played("rs", RIGHT, trials=100) if e["e"] == "trial"}
    for k, event in with_prior.items():
        if event["by"] != "prior":
            assert event["config"] == PLAIN.draw(0, k)
    left = sum(e["by"] != "prior" for e in with_prior.values())
    assert left >= 100 - BETA * math.log(1 + 100 / BETA) - 12


def test_a_wrong_prior_costs_at_most_its_share_and_a_right_one_pays() -> None:
    """ASHA, 120 trials, 24 seeds of constructed curves: with a prior in the wrong corner it ends where it ends without one at 70 trials."""

    def ends(space_of: Any, trials: int) -> float:
        logs = [played("asha", space_of(seed), seed, trials) for seed in range(24)]
        return float(np.mean([min(e["value"] for e in log if e["e"] == "result") for log in logs]))

    wrong = ends(lambda seed: believing(far_from(optimum(seed))), 120)
    right = ends(lambda seed: believing(optimum(seed)), 120)
    without, fewer = ends(lambda _: PLAIN, 120), ends(lambda _: PLAIN, 70)
    assert right < without < wrong
    assert wrong <= fewer + 0.003
