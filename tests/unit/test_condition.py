"""Conditions on a configuration: what Python says of them, or one clear error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.condition import condition, condition_names
from perch.errors import StudyError

CONFIGS = st.fixed_dictionaries(
    {
        "n": st.integers(-3, 3),
        "m": st.integers(-30, 30),
        "x": st.floats(-4, 4),
        "opt": st.sampled_from(["sgd", "adam"]),
        "flag": st.booleans(),
    }
)
ATOMS = st.sampled_from(["n", "m", "x", "opt", "flag", "0", "1", "2.5", "'sgd'", "True"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", "and", "or"])
    return (
        st.tuples(inner, two, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | st.tuples(inner, st.sampled_from(["<", "<=", "==", "!="]), inner, st.sampled_from(["<", ">="]), inner).map(
            lambda t: f"({' '.join(t)})"
        )
        | st.tuples(st.sampled_from(["-", "+", "not "]), inner).map(lambda t: f"({''.join(t)})")
        | st.tuples(inner, st.sampled_from(["in", "not in"]), st.lists(inner, max_size=3)).map(
            lambda t: f"({t[0]} {t[1]} [{', '.join(t[2])}])"
        )
        | inner.map(lambda t: f"({t} ** 2)")
    )


@given(st.recursive(ATOMS, _grown, max_leaves=8), CONFIGS)
def test_a_condition_holds_where_python_says_so_and_is_an_error_where_python_has_no_value(
    text: str, config: dict[str, Any]
) -> None:
    try:
        expected: bool | None = bool(eval(text, {"__builtins__": {}}, config))
    except (ArithmeticError, TypeError, ValueError):
        expected = None
    if expected is None:
        with pytest.raises(StudyError, match="cannot be evaluated for"):
            condition(text)(config)
    else:
        assert condition(text)(config) is expected


@pytest.mark.parametrize(
    ("text", "config", "words", "why"),
    [
        ("6 / n >= 2", {"n": 0, "m": 1}, "space.where: '6 / n >= 2' cannot be evaluated for n = 0", "division by zero"),
        ("opt > 3", {"opt": "sgd"}, "'opt > 3' cannot be evaluated for opt = 'sgd'", "'str' and 'int'"),
        ("9 ** (n * m) > 1", {"n": 10**5, "m": 9}, "n = 100000, m = 9", "too many digits"),
        ("x ** 0.5 < 1", {"x": -1.0}, "x = -1.0", "complex"),
    ],
)
def test_a_configuration_without_a_value_is_named(text: str, config: dict[str, Any], words: str, why: str) -> None:
    with pytest.raises(StudyError) as caught:
        condition(text)(config)
    assert words in caught.value.what
    assert why in caught.value.why


def test_a_comparison_that_stands_first_keeps_what_follows_from_being_evaluated() -> None:
    guarded = condition("n > 0 and 6 / n >= 2")
    assert [guarded({"n": n}) for n in (0, 2, 4)] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("(n and m) > 5", True),
        ("(n or m) == 1", True),
        ("(opt or n) == 'sgd'", True),
        ("(n, m) == (1, 9)", True),
        ("(n, m) == [1, 9]", False),
        ("m < n < 9 / (n - 1)", False),
    ],
)
def test_logic_gives_the_value_that_decides_and_a_chain_ends_where_it_fails(text: str, holds: bool) -> None:
    config = {"n": 1, "m": 9, "opt": "sgd"}
    assert condition(text)(config) is holds
    assert bool(eval(text, {}, config)) is holds


def test_names_are_those_of_the_space_it_needs() -> None:
    assert condition_names("width * layers <= 600 and opt in ['sgd', 'adam']") == {"width", "layers", "opt"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("exit() < 1", "Call"),
        ("n.real < 1", "Attribute"),
        ("n[0] < 1", "Subscript"),
        ("n | 1", "BitOr"),
        ("~n", "Invert"),
        ("n is None", "Is"),
        ("(lambda: n)()", "Call"),
        ("n if n else 1", "IfExp"),
    ],
)
def test_what_does_more_than_compare_is_refused_when_it_is_read(text: str, kind: str) -> None:
    with pytest.raises(StudyError, match="does more than compare") as caught:
        condition(text)
    assert caught.value.why.startswith(f"{kind} is not allowed")


@pytest.mark.parametrize("text", ["", "n <", "n = 3", "n < 3 and", "-" * 2000 + "n"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match=r"space\.where: cannot read"):
        condition(text)
