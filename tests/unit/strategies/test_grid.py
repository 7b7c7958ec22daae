"""Grid search: every cell once, and no grid that cannot be walked."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from perch.errors import StrategyError
from perch.space import parse_space
from perch.strategies.grid import Grid, GridSearch, GridSettings
from perch.strategies.plan import Plan
from perch.strategies.strategy import DONE, New

SPEC: dict[str, Any] = {"layers": {"int": [1, 3]}, "optimizer": {"choice": ["adam", "sgd"]}, "width": 16}


def test_every_combination_comes_once_the_last_key_fastest() -> None:
    configs = GridSearch(parse_space(SPEC), 100).configs
    assert configs == [{"layers": n, "optimizer": o, "width": 16} for n, o in product((1, 2, 3), ("adam", "sgd"))]


def test_conditions_take_cells_out() -> None:
    grid = GridSearch(parse_space({**SPEC, "where": "layers < 3"}), 100)
    assert {c["layers"] for c in grid.configs} == {1, 2}


def test_it_ends_with_the_grid_and_says_its_size() -> None:
    grid = Grid(Plan(parse_space(SPEC), 1, 1000))
    assert grid.notices == ("the grid has 6 configurations",)
    for ordinal in range(6):
        new = grid.ask(0.0)
        assert isinstance(new, New)
        grid.applied({"e": "trial", "id": str(ordinal), "i": ordinal, "config": new.config, "bracket": 0})
        grid.applied({"e": "result", "id": str(ordinal), "seg": 0, "epoch": 1, "value": 1.0, "d": "stop"})
    assert grid.ask(0.0) == DONE


def test_a_smaller_budget_is_said() -> None:
    assert Grid(Plan(parse_space(SPEC), 1, 4)).notices == (
        "the grid has 6 configurations, of which the budget allows 4",
    )


@pytest.mark.parametrize(
    ("spec", "what", "why"),
    [
        ({"lr": {"float": [0.1, 0.2]}}, "cannot cover space.lr", "infinitely many"),
        (
            {"a": {"int": [1, 40]}, "b": {"int": [1, 40]}},
            "1,600 configurations, above the limit of 1,000",
            "a 40 × b 40",
        ),
        ({"a": {"int": [1, 9]}, "where": "a > 9"}, "the grid is empty", "a > 9"),
        ({"a": {"int": [1, 9999999]}, "where": "a > 3"}, "9,999,999 configurations", "a 9,999,999"),
    ],
)
def test_grids_that_are_refused(spec: dict[str, Any], what: str, why: str) -> None:
    with pytest.raises(StrategyError) as error:
        Grid(Plan(parse_space(spec), 1), GridSettings())
    assert what in error.value.what
    assert why in error.value.why
    assert error.value.fix
