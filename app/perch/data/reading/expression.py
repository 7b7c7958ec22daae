"""Targets written as arithmetic over keys, evaluated without ``eval``: ``E_adslab - E_slab - 0.5 * E_H2``."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from perch.errors import DataError

_BINARY: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_UNARY: Final[dict[type[ast.unaryop], Callable[[float], float]]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_FUNCTIONS: Final[dict[str, Callable[[float], float]]] = {
    "abs": abs,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
}
_LONGEST = 500


@dataclass(frozen=True)
class Expression:
    """Arithmetic over keys: numbers, keys, ``+ - * / **``, brackets, and ``abs exp log sqrt``.

    ``names`` are the keys it needs; a dotted name (``adsorption.energy``) reaches into nested data.
    """

    text: str
    names: tuple[str, ...]
    _body: ast.expr

    def evaluate(self, values: Mapping[str, float]) -> float:
        """The result; NaN where the arithmetic has none (a division by zero, a logarithm of a negative number)."""
        try:
            return float(_evaluate(self._body, values))
        except (ZeroDivisionError, OverflowError, ValueError):
            return math.nan


def parse(text: str) -> Expression:
    """Read an expression. Raises DataError for anything that is not plain arithmetic over keys."""
    if len(text) > _LONGEST:
        raise _error(text[:40] + "…", f"it has more than {_LONGEST} characters")
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _error(text, f"it cannot be read: {getattr(error, 'msg', error)}") from error
    names: list[str] = []
    _collect(body, text, names)
    if not names:
        raise _error(text, "it names no key, so every structure would have the same target")
    return Expression(text, tuple(dict.fromkeys(names)), body)


def _collect(node: ast.expr, text: str, names: list[str]) -> None:
    """Refuse what is not arithmetic, and gather the keys."""
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float)) and not isinstance(value, bool):
            return
        case ast.Name() | ast.Attribute():
            names.append(_dotted(node, text))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            _collect(operand, text, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            _collect(left, text, names)
            _collect(right, text, names)
        case ast.Call(func=ast.Name(id=function), args=[argument], keywords=[]) if function in _FUNCTIONS:
            _collect(argument, text, names)
        case _:
            raise _error(text, f"'{ast.unparse(node)}' is not arithmetic over keys")


def _dotted(node: ast.expr, text: str) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, text)}.{node.attr}"
    raise _error(text, f"'{ast.unparse(node)}' is not a key")


def _evaluate(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float)):
            return float(value)
        case ast.Name() | ast.Attribute():
            return values[_dotted(node, "")]
        case ast.UnaryOp(op=sign, operand=operand):
            return _UNARY[type(sign)](_evaluate(operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_evaluate(left, values), _evaluate(right, values))
        case ast.Call(func=ast.Name(id=function), args=[argument]):
            return _FUNCTIONS[function](_evaluate(argument, values))
    raise AssertionError(f"parse let {ast.dump(node)} through")


def _error(text: str, why: str) -> DataError:
    return DataError(
        f"data.target '{text}' is neither a key nor an expression",
        why=why,
        fix="name a key, or write arithmetic over keys: E_adslab - E_slab - 0.5 * E_H2",
    )
