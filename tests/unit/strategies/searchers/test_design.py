"""The space-filling design."""

from __future__ import annotations

import pytest

from perch.space import parse_space
from perch.strategies.searchers.design import Design

SPACE = parse_space({f"x{i}": {"float": [0.0, 1.0]} for i in range(3)})


def test_a_number_and_a_seed_make_a_point() -> None:
    assert Design(SPACE, 1)[7] == Design(SPACE, 1)[7]
    assert Design(SPACE, 1)[7] != Design(SPACE, 2)[7]


@pytest.mark.parametrize("seed", range(5))
def test_every_eighth_of_every_axis_holds_one_of_eight_points(seed: int) -> None:
    """Random points do so once in 416 axes."""
    design = Design(SPACE, seed)
    for axis in SPACE.dimensions:
        assert sorted(int(8 * design[k][axis]) for k in range(8)) == list(range(8))
        assert sorted(int(32 * design[k][axis]) for k in range(32)) == list(range(32))


def test_conditions_hold() -> None:
    space = parse_space({"a": {"int": [1, 100]}, "b": {"int": [1, 40]}, "where": "a * b <= 300"})
    design = Design(space, 0)
    assert all(space.allows(design[k]) for k in range(200))
