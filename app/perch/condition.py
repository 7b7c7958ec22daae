"""Conditions on a configuration, as a study file writes them: arithmetic and comparison, nothing else."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from perch.errors import StudyError

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_COMPARE: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_CONDITIONS: dict[str, Callable[[Mapping[str, Any]], Any]] = {}


def condition(text: str) -> Callable[[Mapping[str, Any]], Any]:
    """Compile a condition such as ``width * layers <= 600 and lr < 0.1``: arithmetic, comparison, and/or/not only.

    No attribute, no call and no subscript: a study file from a stranger can compute, and do nothing else.
    """
    if text not in _CONDITIONS:
        tree = _parse(text)
        _check(tree, text)
        _CONDITIONS[text] = lambda names, node=tree: _evaluate(node, names)  # type: ignore[misc]
    return _CONDITIONS[text]


def condition_names(text: str) -> set[str]:
    """The names that a condition uses."""
    condition(text)
    return {n.id for n in ast.walk(_parse(text)) if isinstance(n, ast.Name)}


def _parse(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise StudyError(
            f"space.where: cannot read '{text}'",
            why=f"{error.msg} at column {error.offset}",
            fix="write a comparison such as 'width * layers <= 600'",
        ) from error


def _check(node: ast.expr, text: str) -> None:
    allowed = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Tuple, ast.List)
    for part in ast.walk(node):
        if isinstance(part, ast.expr) and not isinstance(part, allowed):
            raise StudyError(
                f"space.where: '{text}' does more than compare",
                why=f"{type(part).__name__} is not allowed; names, numbers, + - * / // % **, comparisons, and/or/not are",
                fix="write it with these",
            )


def _evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return [_evaluate(i, names) for i in items]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_evaluate(left, names), _evaluate(right, names))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluate(operand, names)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, names)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_evaluate(v, names) for v in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_evaluate(v, names) for v in values)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [_evaluate(s, names) for s in (left, *comparators)]
            return all(_COMPARE[type(o)](a, b) for o, a, b in zip(ops, sides, sides[1:], strict=False))
    raise StudyError(f"space.where: cannot evaluate {ast.dump(node)}", why="unknown operation", fix="simplify it")
