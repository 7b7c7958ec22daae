"""The interpreter of expressions means what Python means, and does nothing that its grammar lacks."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.expression import ARITHMETIC, COMPARISONS, Grammar, NotInGrammar, build, parse, power

SUMS = Grammar(constants=(int,), binary={ast.Add: ARITHMETIC[ast.Add]})


def test_names_come_in_the_order_in_which_they_stand() -> None:
    assert parse("b + a + b + c", SUMS).names == ("b", "a", "c")


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        ("a + f(b)", "Call", "f(b)"),
        ("a | b", "BitOr", "a | b"),
        ("a + -b", "USub", "-b"),
        ("a < b", "Lt", "a < b"),
        ("a and b", "And", "a and b"),
        ("a + b.c", "Attribute", "b.c"),
        ("a + [1]", "List", "[1]"),
        ("a + 1.5", "Constant", "1.5"),
        ("a + True", "Constant", "True"),
    ],
)
def test_what_a_grammar_lacks_is_named(text: str, kind: str, part: str) -> None:
    with pytest.raises(NotInGrammar) as caught:
        parse(text, SUMS)
    assert (caught.value.kind, caught.value.part) == (kind, part)


def test_a_dotted_name_is_one_name_where_the_grammar_says_so() -> None:
    dotted = Grammar(constants=(), dotted=True)
    assert parse("a.b.c", dotted).evaluate({"a.b.c": 4}) == 4
    with pytest.raises(NotInGrammar):
        parse("f().b", dotted)


@pytest.mark.parametrize("text", ["a +", "", "a b", "a = 1", "+".join("a" * 400), "(" * 300 + "a" + ")" * 300, "a\0"])
def test_what_is_no_expression_or_is_nested_too_deeply_is_a_syntax_error(text: str) -> None:
    with pytest.raises(SyntaxError):
        parse(text, SUMS)


def test_a_tree_made_by_hand_is_evaluated_alike() -> None:
    tree = ast.Compare(ast.Name("not a name of Python's"), [ast.Gt()], [ast.Constant(3)])
    expression = build(tree, Grammar(constants=(int,), comparisons=COMPARISONS))
    assert expression.evaluate({"not a name of Python's": 4}) is True


@given(st.integers(-20, 20) | st.floats(-5, 5), st.integers(0, 20))
def test_powers_are_python_s(base: float, exponent: int) -> None:
    assert power(base, exponent) == base**exponent


def test_a_power_with_endless_digits_is_refused() -> None:
    assert power(1, 10**12) == 1
    with pytest.raises(OverflowError, match="too many digits"):
        power(9, 9**9)
