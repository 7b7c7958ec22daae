"""The cheat sheet as rules: each applies to the situation it is for, with the study's own numbers in its reason."""

from __future__ import annotations

import math
from typing import Any

import pytest

from perch.advise.facts import Facts, facts_of
from perch.advise.rules import RULES, advice
from perch.dimension import Choice, Float, Int
from perch.errors import StudyError
from perch.space import Space
from perch.strategies.registry import STRATEGIES
from perch.study import parse

WIDE = Space(
    {"lr": Float(0.001, 0.1, log=True), "width": Int(4, 64), "depth": Int(1, 8), "batch": Choice((16, 32))}, {}
)
TINY = Space({"width": Choice((8, 16)), "depth": Int(1, 3)}, {})


def facts(space: Space = WIDE, **changes: Any) -> Facts:
    given: dict[str, Any] = {"epochs": 81, "workers": 32, "time_s": 8 * 3600.0, "epoch_s": 10.0, **changes}
    return Facts(space, **given)


@pytest.mark.parametrize(
    ("given", "strategy", "because"),
    [
        (facts(), "asha", "nothing to set"),
        (facts(epoch_s=None), "asha", "nothing to set"),
        (facts(TINY), "grid", "6 combinations"),
        (facts(TINY, workers=4, time_s=600.0), "asha", "nothing to set"),  # too little time for all six
        (facts(epochs=3), "rs", "3 epochs"),
        (facts(epoch_s=60.0), "asha-tpe", "190 full trainings for 4 dimensions"),
        (facts(epoch_s=600.0), "asha", "nothing to set"),  # 19 full trainings teach a model nothing
        (facts(reliability=((1, 0.0), (27, 0.1))), "rs", "rank correlation 0.10"),
        (facts(reliability=((1, 0.0), (27, 0.5))), "asha", "nothing to set"),
        (facts(schedule=True), "pbt", "32 workers make a population"),
        (facts(schedule=True, architecture=("width",)), "asha", "nothing to set"),
        (facts(schedule=True, can_checkpoint=False), "asha", "nothing to set"),
    ],
)
def test_each_situation_has_its_rule(given: Facts, strategy: str, because: str) -> None:
    rule, _ = advice(given)
    assert rule.strategy == strategy
    assert because in rule.reason(given)


def test_every_rule_names_a_strategy_that_exists_and_a_source() -> None:
    for rule in RULES:
        STRATEGIES.get(rule.strategy)
        assert len(rule.source) > 20


def test_facts_are_those_of_the_study() -> None:
    study = parse(
        {
            "space": {"lr": {"float": [0.001, 0.1]}, "fc_feat_size": {"int": [4, 8]}},
            "resources": {"gpus": 0.25},
            "epochs": 9,
        }
    )
    found = facts_of(study, gpus=4, hours=1, epoch_s=20)
    assert (found.workers, found.full_trainings, found.searched) == (16, 320.0, 2)
    assert found.architecture == ("fc_feat_size",)
    assert math.isinf(found.combinations)
    assert facts(TINY).combinations == 6


@pytest.mark.parametrize(
    ("gpus", "hours", "epoch_s", "said"),
    [(0.0, 1.0, None, "--gpus 0"), (0.5, 1.0, None, "takes 1 GPU"), (1.0, 0.0, None, "--hours 0"),
     (1.0, 0.001, 60.0, "less than one epoch"), (1.0, 1.0, -1.0, "--epoch-s -1"), (1.0, math.nan, None, "--hours nan")],
)  # fmt: skip
def test_impossible_budgets_are_refused(gpus: float, hours: float, epoch_s: float | None, said: str) -> None:
    with pytest.raises(StudyError) as error:
        facts_of(parse({"resources": {"gpus": 1}}), gpus, hours, epoch_s=epoch_s)
    assert said in str(error.value)
    assert error.value.fix
