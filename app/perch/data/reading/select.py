"""``select:`` for sources that are no database: the same conditions, joined by commas."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from perch.data.reading.source import Entry
from perch.data.reading.target import number
from perch.errors import DataError

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


def selected(entries: list[Entry], select: str | None) -> list[Entry]:
    """Entries that fulfil every condition: ``key``, or ``key=value`` with ``= != < <= > >=``."""
    if select is None:
        return entries
    tests = [_condition(part.strip()) for part in select.split(",")]
    return [entry for entry in entries if all(test(entry) for test in tests)]


def _condition(text: str) -> Callable[[Entry], bool]:
    sign = next((sign for sign in _OPERATORS if sign in text), "")
    key, value = (part.strip() for part in (text.split(sign, 1) if sign else (text, "")))
    if not key or (sign and not value):
        raise DataError(
            f"data.select cannot be read at '{text}'",
            why="a condition is a key, or key=value with one of = != < <= > >=",
            fix="write conditions joined by commas, such as adsorbate=O,facet!=211",
        )
    if not sign:
        return lambda entry: key in entry

    compare = _OPERATORS[sign]

    def test(entry: Entry) -> bool:
        have = entry.get(key)
        if have is None:
            return False
        left, right = number(have), _as_number(value)
        if left is not None and right is not None:
            return compare(left, right)
        return compare(str(have), value)

    return test


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
