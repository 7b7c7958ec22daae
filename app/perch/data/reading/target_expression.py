"""Targets written as arithmetic over keys: ``E_adslab - E_slab - 0.5 * E_H2``."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from perch import expression
from perch.errors import DataError
from perch.expression import ARITHMETIC, SIGNS, Grammar, NotInGrammar

TARGETS: Final = Grammar(
    constants=(int, float),
    binary={**{op: ARITHMETIC[op] for op in (ast.Add, ast.Sub, ast.Mult, ast.Div)}, ast.Pow: math.pow},
    unary=SIGNS,
    functions={"abs": abs, "exp": math.exp, "log": math.log, "sqrt": math.sqrt},
    dotted=True,
)
_LONGEST = 500


@dataclass(frozen=True)
class TargetExpression:
    """Arithmetic over keys: numbers, keys, ``+ - * / **``, brackets, and ``abs exp log sqrt``.

    ``names`` are the keys it needs; a dotted name (``adsorption.energy``) reaches into nested data.
    """

    text: str
    names: tuple[str, ...]
    _evaluate: expression.Evaluate

    def evaluate(self, values: Mapping[str, float]) -> float:
        """The result; NaN where the arithmetic has none (a division by zero, a logarithm of a negative number)."""
        try:
            return float(self._evaluate(values))
        except (ArithmeticError, ValueError):
            return math.nan


def parse(text: str) -> TargetExpression:
    """Read an expression. Raises DataError for anything that is not plain arithmetic over keys."""
    if len(text) > _LONGEST:
        raise _error(text[:40] + "…", f"it has more than {_LONGEST} characters")
    try:
        parsed = expression.parse(text, TARGETS)
    except SyntaxError as error:
        raise _error(text, f"it cannot be read: {error.msg}") from error
    except NotInGrammar as error:
        raise _error(text, f"'{error.part}' is not arithmetic over keys") from error
    if not parsed.names:
        raise _error(text, "it names no key, so every structure would have the same target")
    return TargetExpression(text, parsed.names, parsed.evaluate)


def _error(text: str, why: str) -> DataError:
    return DataError(
        f"data.target '{text}' is neither a key nor an expression",
        why=why,
        fix="name a key, or write arithmetic over keys: E_adslab - E_slab - 0.5 * E_H2",
    )
