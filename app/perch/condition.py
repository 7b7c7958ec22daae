"""Conditions on a configuration, as a study file writes them: arithmetic, comparison and logic, nothing else."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from perch.errors import StudyError
from perch.expression import ARITHMETIC, COMPARISONS, SIGNS, Expression, Grammar, NotInGrammar, parse

CONDITIONS: Final = Grammar(
    constants=(bool, int, float, str, type(None)),
    binary=ARITHMETIC,
    unary={**SIGNS, ast.Not: operator.not_},
    comparisons=COMPARISONS,
    logic=True,
    sequences=True,
)


@cache
def condition(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """Compile a condition such as ``width * layers <= 600 and lr < 0.1``; it means what it means in Python.

    What is returned takes a configuration and raises StudyError where the condition has no value there: a division by
    zero, a text compared with a number.
    """
    expression = _parsed(text)

    def holds(config: Mapping[str, Any]) -> bool:
        try:
            return bool(expression.evaluate(config))
        except (ArithmeticError, TypeError, ValueError) as error:
            raise StudyError(
                f"space.where: '{text}' cannot be evaluated for {', '.join(f'{n} = {config[n]!r}' for n in expression.names)}",
                why=str(error),
                fix="let a comparison stand first that leaves such values out ('n > 0 and 6 / n > 2'), or change the ranges",
            ) from error

    return holds


def condition_names(text: str) -> set[str]:
    """The names that a condition uses."""
    return set(_parsed(text).names)


@cache
def _parsed(text: str) -> Expression:
    try:
        return parse(text, CONDITIONS)
    except SyntaxError as error:
        raise StudyError(
            f"space.where: cannot read '{text}'",
            why=error.msg if error.offset is None else f"{error.msg} at column {error.offset}",
            fix="write a comparison such as 'width * layers <= 600'",
        ) from error
    except NotInGrammar as error:
        raise StudyError(
            f"space.where: '{text}' does more than compare",
            why=f"{error.kind} is not allowed; names, numbers, + - * / // % **, comparisons, and/or/not are",
            fix="write it with these",
        ) from error
