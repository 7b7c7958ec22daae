"""Strategies by name, and every way to ask for one wrongly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from perch.errors import StrategyError
from perch.space import parse_space
from perch.strategies.population import take_architecture
from perch.strategies.registry import STRATEGIES, Plan, Settings, build, read_settings

ALGORITHM = ("lr", "batch_size", "momentum", "weight_decay")
ARCHITECTURE = ("width", "layers", "optimizer")
SPACE = parse_space({"lr": {"float": [0.001, 0.1]}, "width": {"int": [8, 64]}})
TUNED = parse_space({"lr": {"float": [0.001, 0.1]}, "width": 16})
PLAN = Plan(SPACE, 27, 20, algorithm_keys=ALGORITHM, architecture_keys=ARCHITECTURE)
PBT = replace(PLAN, space=TUNED)


@pytest.mark.parametrize(
    ("spec", "plan", "what", "why"),
    [
        ("ashaa", PLAN, "no strategy is called 'ashaa'", "did you mean 'asha'?"),
        ({"reduction_factor": 3}, PLAN, "no name is given", "{'reduction_factor': 3}"),
        (
            {"name": "asha", "eta": 3},
            PLAN,
            "asha: no setting is called 'eta'",
            "known: grace_period, judge, reduction_factor",
        ),
        (
            {"name": "asha", "grace_perid": 3},
            PLAN,
            "no setting is called 'grace_perid'",
            "did you mean 'grace_period'?",
        ),
        ({"name": "rs", "brackets": 3}, PLAN, "rs: no setting is called 'brackets'", "rs has no settings"),
        ({"name": "asha", "reduction_factor": 1}, PLAN, "asha: reduction_factor is 1", "greater than or equal to 2"),
        ({"name": "asha", "reduction_factor": 2.5}, PLAN, "reduction_factor is 2.5", "integer"),
        ({"name": "asha", "grace_period": 0}, PLAN, "grace_period is 0", "greater than or equal to 1"),
        ({"name": "asha", "grace_period": "two"}, PLAN, "grace_period is 'two'", "integer"),
        ({"name": "asha", "grace_period": 28}, PLAN, "grace_period is 28, above the 27 epochs", "stopped"),
        ({"name": "ahb", "brackets": 0}, PLAN, "ahb: brackets is 0", "greater than or equal to 1"),
        ({"name": "ahb", "grace_period": 28}, PLAN, "grace_period is 28", "stopped"),
        ({"name": "asha-promote", "grace_period": 28}, PLAN, "grace_period is 28", "stopped"),
        ({"name": "median", "grace_period": 28}, PLAN, "grace_period is 28", "stopped"),
        ("asha", replace(PLAN, epochs=0), "epochs is below 1", "it is 0"),
        ("asha", replace(PLAN, trials=0), "budget.trials is below 1", "it is 0"),
        ("asha", replace(PLAN, points=({"lr": 0.01},)), "points[0] lies outside", "'width' is missing"),
        ("asha", replace(PLAN, points=({"lr": 9.0, "width": 8},)), "points[0] lies outside", "lr = 9.0"),
        ("grid", PLAN, "grid search cannot cover space.lr", "infinitely many"),
        ("pbt", PLAN, "pbt cannot search width", "weights of one shape"),
        ("pbt", replace(PBT, space=parse_space({"lr": 0.1})), "nothing to perturb", "fixed"),
        ("pbt", replace(PBT, can_checkpoint=False), "pbt needs checkpoints", "there will be none"),
        ("asha-promote", replace(PLAN, can_checkpoint=False), "asha-promote needs checkpoints", "there will be none"),
        ("pbt", replace(PBT, trials=1), "a population of one", "copies the best"),
        ({"name": "pbt", "population_size": 1}, PBT, "pbt: population_size is 1", "greater than or equal to 2"),
        ({"name": "pbt", "population_size": 21}, PBT, "population_size is 21, above the budget", "is a trial"),
        (
            {"name": "pbt", "perturbation_interval": 27},
            PBT,
            "perturbation_interval is 27",
            "never be compared|no member",
        ),
        ({"name": "pbt", "quantile_fraction": 0.6}, PBT, "quantile_fraction is 0.6", "less than or equal to 0.5"),
        ({"name": "pbt", "quantile_fraction": 0}, PBT, "quantile_fraction is 0", "greater than 0"),
        ({"name": "pbt", "resample_probability": 1.5}, PBT, "resample_probability is 1.5", "less than or equal to 1"),
        ({"name": "pbt", "perturbation_factors": [0.8, -1]}, PBT, "perturbation_factors", "positive"),
        ({"name": "pbt", "perturbation_factors": []}, PBT, "perturbation_factors", "positive"),
        (
            {"name": "pbt", "architecture": {"depth": 3}},
            PLAN,
            "architecture does not fit",
            "'depth' is not in the space",
        ),
        ({"name": "pbt", "architecture": {"width": 99}}, PLAN, "architecture does not fit", "width = 99 lies outside"),
        ({"name": "pbt", "architecture": {"width": 8}}, PBT, "architecture does not fit", "fixes width at 16"),
        (
            {"name": "pbt", "architecture": {"width": 8}},
            replace(PLAN, points=({"lr": 0.01, "width": 9},)),
            "points[0] lies outside",
            "fixes it at 8",
        ),
    ],
)
def test_what_is_refused_and_why(spec: Any, plan: Plan, what: str, why: str) -> None:
    with pytest.raises(StrategyError) as error:
        build(spec, plan)
    assert what in error.value.what
    assert any(part in error.value.why for part in why.split("|"))
    assert error.value.fix
    assert error.value.exit_code == 2


def test_pbt_says_what_may_be_perturbed() -> None:
    with pytest.raises(StrategyError) as error:
        build("pbt", PLAN)
    assert "may be perturbed: lr, batch_size, momentum, weight_decay" in error.value.fix


def test_pbt_takes_the_architecture_of_an_earlier_winner() -> None:
    pbt: Any = build({"name": "pbt", "architecture": {"width": 32}}, PLAN)
    new = pbt.ask(0.0)
    assert new.config["width"] == 32
    assert list(pbt.plan.space.dimensions) == ["lr"]


def test_the_architecture_of_a_configuration_is_what_the_space_searches_of_it() -> None:
    best = {"lr": 0.02, "width": 32, "optimizer": "adam"}
    assert take_architecture(SPACE, best, ARCHITECTURE) == {"width": 32}
    with pytest.raises(StrategyError, match="'width' is not in its configurations"):
        take_architecture(SPACE, {"lr": 0.02}, ARCHITECTURE)
    with pytest.raises(StrategyError, match="searches no key known as architecture"):
        take_architecture(TUNED, best, ARCHITECTURE)


def test_pbt_perturbs_any_key_of_a_foreign_trainable() -> None:
    build("pbt", Plan(SPACE, 27, 20))


def test_a_name_and_a_mapping_ask_for_the_same() -> None:
    assert read_settings("asha") == read_settings({"name": "asha", "reduction_factor": 3, "grace_period": 1})


def test_a_name_can_be_taken_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        STRATEGIES.register("asha", STRATEGIES.get("asha"))


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_every_entry_tells_what_a_person_needs_to_choose(name: str) -> None:
    entry = STRATEGIES.get(name)
    assert entry.name == name
    assert all((entry.summary, entry.scheduler, entry.searcher, entry.paper, entry.when, entry.differs))
    assert issubclass(entry.settings, Settings)
    for key, field in entry.settings.model_fields.items():
        assert field.description, key
        assert not field.is_required(), key
