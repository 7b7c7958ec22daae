"""``select:``, conditions joined by commas: for sources that are no database, and tidied for ASE's, which minds spaces."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from perch.data.reading.names import name_of
from perch.data.reading.source import Entry
from perch.data.reading.target import number
from perch.errors import DataError
from perch.expression import COMPARISONS, Grammar, build

_TRUE: Final = ("true", "t", "1", "yes")
_FALSE: Final = ("false", "f", "0", "no")
_SIGNS: Final[dict[str, ast.cmpop]] = {
    "!=": ast.NotEq(), "<=": ast.LtE(), ">=": ast.GtE(), "=": ast.Eq(), "<": ast.Lt(), ">": ast.Gt(),
}  # fmt: skip


def selected(entries: list[Entry], select: str | None) -> list[Entry]:
    """Entries that fulfil every condition: ``key``, or ``key=value`` with ``= != < <= > >=``; spaces do not matter."""
    if select is None:
        return entries
    tree = ast.BoolOp(op=ast.And(), values=[_condition(part.strip()) for part in select.split(",")])
    wanted = build(tree, SELECTIONS)
    return [entry for entry in entries if wanted.evaluate({key: entry.get(key) for key in wanted.names})]


def tidied(select: str | None) -> str | None:
    """The same selection without the spaces around commas and signs: to ASE, they belong to keys and values."""
    return select if select is None else re.sub(r"\s*(!=|<=|>=|[,=<>])\s*", r"\1", select.strip())


def _condition(text: str) -> ast.expr:
    sign = next((sign for sign in _SIGNS if sign in text), "")
    key, value = (part.strip() for part in (text.split(sign, 1) if sign else (text, "")))
    if not key or (sign and not value):
        raise DataError(
            f"data.select cannot be read at '{text}'",
            why="a condition is a key, or key=value with one of = != < <= > >=",
            fix="write conditions joined by commas, such as adsorbate=O,facet!=211",
        )
    wanted, how = (ast.Constant(value), _SIGNS[sign]) if sign else (ast.Constant(None), ast.IsNot())
    return ast.Compare(left=ast.Name(key), ops=[how], comparators=[wanted])


def _matching(compare: Callable[[Any, Any], bool]) -> Callable[[Any, str], bool]:
    """Numbers are compared as numbers, everything else as text; a missing value matches nothing."""

    def test(have: Any, wanted: str) -> bool:
        if have is None:
            return False
        if isinstance(have, (bool, np.bool_)):
            return wanted.lower() in _TRUE + _FALSE and compare(bool(have), wanted.lower() in _TRUE)
        left, right = number(have), _as_number(wanted)
        if left is not None and right is not None:
            return compare(left, right)
        return compare(name_of(have), wanted)

    return test


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


SELECTIONS: Final = Grammar(
    constants=(str, type(None)),
    comparisons={ast.IsNot: operator.is_not, **{type(s): _matching(COMPARISONS[type(s)]) for s in _SIGNS.values()}},
    logic=True,
)
