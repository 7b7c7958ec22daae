"""Conditions of a space are tried when it is read: what has no value somewhere is found before anything starts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.errors import StudyError
from perch.space import parse_space


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"n": {"int": [0, 3]}, "where": "6 / n >= 2"}, "n = 0"),
        ({"n": {"int": [0, 30]}, "where": "6 / n >= 0.01"}, "n = 0"),
        ({"n": {"int": [0, 10**9]}, "where": "6 / n >= 0.01"}, "n = 0"),
        ({"n": {"int": [-(10**9), 10**9]}, "where": "6 / (n - 1) < 9"}, "n = 1"),
        ({"x": {"float": [0.0, 1.0]}, "m": {"int": [1, 10**6]}, "where": "m / x > 2"}, "m = "),
        ({"opt": {"choice": ["sgd", "adam"]}, "where": "opt > 3"}, "opt = "),
        ({"k": {"choice": [*range(1, 60), "all"]}, "where": "k > 3"}, "k = 'all'"),
        ({"n": {"int": [1, 9]}, "depth": "deep", "where": "n < depth"}, "depth = 'deep'"),
        ({"a": {"int": [1, 8]}, "b": {"int": [1, 8]}, "where": ["a > 0", "1 / (a - b) < 2"]}, "a = "),
    ],
)
def test_a_condition_without_a_value_somewhere_is_refused_when_the_space_is_read(
    space: dict[str, Any], words: str
) -> None:
    with pytest.raises(StudyError, match="cannot be evaluated") as caught:
        parse_space(space)
    assert words in caught.value.what


def test_an_earlier_condition_guards_a_later_one() -> None:
    space = parse_space({"n": {"int": [0, 9]}, "where": ["n > 0", "6 / n >= 2"]})
    assert {space.draw(0, k)["n"] for k in range(60)} == {1, 2, 3}


@pytest.mark.parametrize("where", [5, [1], {"a": "b"}, None, ["n > 1", 2]])
def test_a_condition_that_is_no_text_is_refused(where: Any) -> None:
    with pytest.raises(StudyError, match="is no condition"):
        parse_space({"n": {"int": [1, 9]}, "where": where})


@given(st.integers(-100, 100), st.integers(1, 200), st.booleans())
def test_edge_values_lie_in_the_range(low: int, width: int, whole: bool) -> None:
    bounds = [low, low + width]
    dimension = parse_space({"n": {"int" if whole else "float": bounds}}).dimensions["n"]
    edges = dimension.edge_values()
    assert {low, low + width} <= set(edges)
    assert all(dimension.contains(value) for value in edges)


def test_drawn_configurations_are_those_of_python_s_condition() -> None:
    space = parse_space({"w": {"int": [1, 100]}, "l": {"int": [1, 40]}, "where": "w * l <= 300 and w % 2 == 0"})
    free = parse_space({"w": {"int": [1, 100]}, "l": {"int": [1, 40]}})
    for k in range(300):
        config = free.draw(0, k)
        assert space.allows(config) == (config["w"] * config["l"] <= 300 and config["w"] % 2 == 0)
        assert space.allows(space.draw(0, k))
