"""One interpreter for what a study file computes: Python's expressions, of which a grammar allows a part.

Only the operations that a grammar names are carried out, so an expression of a stranger can compute and do nothing else.
Space conditions (``perch.condition``), targets and selections (``perch.data.reading``) are three grammars on it.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Evaluate = Callable[[Mapping[str, Any]], Any]
Two = Callable[[Any, Any], Any]
One = Callable[[Any], Any]

DEEPEST: Final = 300
"""Levels of nesting; a sum of n terms has n - 1."""
LONGEST_POWER_BITS: Final = 10_000
"""A whole power that would have more bits is refused: it would take minutes and gigabytes."""


def power(base: Any, exponent: Any) -> Any:
    """Python's ``**``, without whole numbers of endless length. Raises OverflowError for those."""
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and abs(base) > 1 and base.bit_length() * exponent > LONGEST_POWER_BITS:
        raise OverflowError(f"{base} ** {exponent} has too many digits")
    return base**exponent


ARITHMETIC: Final[Mapping[type[ast.AST], Two]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: power,
}  # fmt: skip
SIGNS: Final[Mapping[type[ast.AST], One]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
COMPARISONS: Final[Mapping[type[ast.AST], Two]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip


class NotInGrammar(Exception):  # each grammar turns it into its own error
    """A part of an expression that its grammar lacks: its text, and what Python calls it (``Call``, ``BitOr``)."""

    def __init__(self, part: str, kind: str) -> None:
        super().__init__(f"{kind}: {part}")
        self.part, self.kind = part, kind


@dataclass(frozen=True)
class Grammar:
    """What an expression may contain beside names: constants of these types, and these operations.

    ``functions`` take one argument. ``logic``: and, or. ``sequences``: tuples and lists. ``dotted``: ``a.b.c`` is one name.
    """

    constants: tuple[type, ...]
    binary: Mapping[type[ast.AST], Two] = field(default_factory=dict)
    unary: Mapping[type[ast.AST], One] = field(default_factory=dict)
    comparisons: Mapping[type[ast.AST], Two] = field(default_factory=dict)
    functions: Mapping[str, One] = field(default_factory=dict)
    logic: bool = False
    sequences: bool = False
    dotted: bool = False


@dataclass(frozen=True)
class Expression:
    """An expression ready to be evaluated, and the names that it needs, in the order in which they stand in it.

    ``evaluate`` takes a value for each name and raises what Python would raise (ZeroDivisionError, TypeError, …).
    """

    names: tuple[str, ...]
    evaluate: Evaluate


def parse(text: str, grammar: Grammar) -> Expression:
    """Read an expression in Python's syntax.

    Raises SyntaxError for what is none, and NotInGrammar for what the grammar does not allow.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "it is nested too deeply") from error
    return build(tree, grammar)


def build(tree: ast.expr, grammar: Grammar) -> Expression:
    """The expression of a syntax tree. Raises NotInGrammar, or SyntaxError for one that is nested too deeply."""
    names: dict[str, None] = {}
    return Expression(evaluate=_Builder(grammar, names).build(tree, 1), names=tuple(names))


class _Builder:
    """Turns a syntax tree into functions, part by part, and gathers the names."""

    def __init__(self, grammar: Grammar, names: dict[str, None]) -> None:
        self._grammar, self._names = grammar, names

    def build(self, node: ast.expr, depth: int) -> Evaluate:
        if depth > DEEPEST:
            raise SyntaxError("it is nested too deeply")
        grammar = self._grammar
        match node:
            case ast.Constant(value=value) if type(value) in grammar.constants:
                return lambda values: value
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.UnaryOp(op=sign, operand=operand) if type(sign) in grammar.unary:
                return _unary(grammar.unary[type(sign)], self.build(operand, depth + 1))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in grammar.binary:
                return _binary(grammar.binary[type(op)], self.build(left, depth + 1), self.build(right, depth + 1))
            case ast.BoolOp(op=op, values=parts) if grammar.logic:
                return _logic(isinstance(op, ast.Or), self._each(parts, depth))
            case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(o) in grammar.comparisons for o in ops):
                return _chain([grammar.comparisons[type(o)] for o in ops], self._each([left, *rest], depth))
            case ast.Tuple(elts=items) | ast.List(elts=items) if grammar.sequences:
                return _sequence(tuple if isinstance(node, ast.Tuple) else list, self._each(items, depth))
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in grammar.functions:
                return _unary(grammar.functions[name], self.build(argument, depth + 1))
        raise NotInGrammar(ast.unparse(node), _kind(node, grammar))

    def _each(self, nodes: Sequence[ast.expr], depth: int) -> list[Evaluate]:
        return [self.build(node, depth + 1) for node in nodes]

    def _name(self, node: ast.expr) -> Evaluate:
        name = self._dotted(node)
        self._names[name] = None
        return lambda values: values[name]

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute) and self._grammar.dotted:
            return f"{self._dotted(node.value)}.{node.attr}"
        raise NotInGrammar(ast.unparse(node), _kind(node, self._grammar))


def _kind(node: ast.expr, grammar: Grammar) -> str:
    """What is to blame: the operator that the grammar lacks, else the whole part."""
    match node:
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) | ast.BoolOp(op=op):
            return type(op).__name__
        case ast.Compare(ops=ops):
            return next(type(o).__name__ for o in ops if type(o) not in grammar.comparisons)
    return type(node).__name__


def _unary(one: One, inner: Evaluate) -> Evaluate:
    return lambda values: one(inner(values))


def _binary(two: Two, left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda values: two(left(values), right(values))


def _sequence(kind: type[tuple[Any, ...]] | type[list[Any]], items: Sequence[Evaluate]) -> Evaluate:
    return lambda values: kind(item(values) for item in items)


def _logic(until: bool, parts: Sequence[Evaluate]) -> Evaluate:
    """``or`` (``until`` True) and ``and``: the first value that decides, else the last; what follows is not evaluated."""

    def decide(values: Mapping[str, Any]) -> Any:
        result: Any = None
        for part in parts:
            result = part(values)
            if bool(result) is until:
                break
        return result

    return decide


def _chain(comparisons: Sequence[Two], sides: Sequence[Evaluate]) -> Evaluate:
    """``a < b < c``: each side is evaluated once, and none after the first comparison that does not hold."""
    first, steps = sides[0], list(zip(comparisons, sides[1:], strict=True))

    def hold(values: Mapping[str, Any]) -> Any:
        result: Any = True
        left = first(values)
        for compare, side in steps:
            right = side(values)
            result = compare(left, right)
            if not result:
                break
            left = right
        return result

    return hold
