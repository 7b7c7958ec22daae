"""The dimensions of a search space: whole numbers, real numbers and choices, each with its axis from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perch.errors import StudyError, did_you_mean
from perch.numeric import is_finite
from perch.yaml12 import looks_numeric

Value = int | float | str | bool

FEW_VALUES = 64
"""Whole numbers and choices of so few values have all of them among their ``edge_values``."""


@dataclass(frozen=True, slots=True)
class Int:
    """Whole numbers from ``low`` to ``high``, both included; ``log``: uniform in the logarithm."""

    low: int
    high: int
    log: bool = False

    def from_unit(self, u: float) -> int:
        """Map u in [0, 1) to a value; every whole number owns a cell of the (log) axis."""
        if self.log:
            lo, hi = math.log(self.low - 0.5), math.log(self.high + 0.5)
            value = round(math.exp(lo + u * (hi - lo)))
        else:
            value = self.low + int(u * (self.high - self.low + 1))
        return min(max(value, self.low), self.high)

    def to_unit(self, value: Any) -> float:
        """The middle of the value's cell in [0, 1]."""
        if self.log:
            lo, hi = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return (math.log(value) - lo) / (hi - lo)
        return float((value - self.low + 0.5) / (self.high - self.low + 1))

    def contains(self, value: Any) -> bool:
        """True for a whole number within the range."""
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def clamp(self, value: float) -> int:
        """The nearest value of the range."""
        return min(max(round(value), self.low), self.high)

    def edge_values(self) -> tuple[int, ...]:
        """Values at which a condition is likely to have no value: all of a few, else the ends, and -1, 0 and 1."""
        if self.high - self.low < FEW_VALUES:
            return tuple(range(self.low, self.high + 1))
        return tuple(v for v in (self.low, -1, 0, 1, self.high) if self.contains(v))

    def spec(self) -> dict[str, Any]:
        """The form that a study file has."""
        return {"int": [self.low, self.high], **({"log": True} if self.log else {})}


@dataclass(frozen=True, slots=True)
class Float:
    """Real numbers from ``low`` to ``high``; ``log``: uniform in the logarithm."""

    low: float
    high: float
    log: bool = False

    def from_unit(self, u: float) -> float:
        """Map u in [0, 1] to a value."""
        if self.log:
            lo, hi = math.log(self.low), math.log(self.high)
            return min(max(math.exp(lo + u * (hi - lo)), self.low), self.high)
        return min(max(self.low + u * (self.high - self.low), self.low), self.high)

    def to_unit(self, value: Any) -> float:
        """The inverse of ``from_unit``."""
        if self.log:
            return float((math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low)))
        return float((value - self.low) / (self.high - self.low))

    def contains(self, value: Any) -> bool:
        """True for a number within the range."""
        return isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high

    def clamp(self, value: float) -> float:
        """The nearest value of the range."""
        return min(max(float(value), self.low), self.high)

    def edge_values(self) -> tuple[float, ...]:
        """Values at which a condition is likely to have no value: the ends, and -1, 0 and 1."""
        return tuple(float(v) for v in (self.low, -1, 0, 1, self.high) if self.contains(v))

    def spec(self) -> dict[str, Any]:
        """The form that a study file has."""
        return {"float": [self.low, self.high], **({"log": True} if self.log else {})}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a list of values, all equally likely; numbers keep their order."""

    values: tuple[Value, ...]

    @property
    def numeric(self) -> bool:
        """True when every value is a number: then 'near' means something."""
        return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in self.values)

    def from_unit(self, u: float) -> Value:
        """Map u in [0, 1) to a value."""
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]

    def to_unit(self, value: Any) -> float:
        """The middle of the value's cell in [0, 1]."""
        return (self.values.index(value) + 0.5) / len(self.values)

    def contains(self, value: Any) -> bool:
        """True for one of the values (of the same type: ``True`` is not 1)."""
        return any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in self.values)

    def edge_values(self) -> tuple[Value, ...]:
        """The first of its values: all of them where they are few."""
        return self.values[:FEW_VALUES]

    def spec(self) -> dict[str, Any]:
        """The form that a study file has."""
        return {"choice": list(self.values)}


Dimension = Int | Float | Choice


def read_dimension(key: str, spec: Mapping[str, Any]) -> Dimension:
    """Read one entry of a study's ``space:``: ``{int: [1, 8], log: true}``. Raises StudyError for what is none."""
    kinds = [k for k in ("int", "float", "choice") if k in spec]
    extra = sorted(set(spec) - {"int", "float", "choice", "log"})
    if len(kinds) != 1 or extra:
        given = extra[0] if extra else ", ".join(map(str, spec)) or "nothing"
        hint = did_you_mean(extra[0], ["int", "float", "choice", "log"]) if extra else "known: int, float, choice, log"
        raise StudyError(f"space.{key}: cannot read {given!r}", why=hint, fix="write {int: [1, 8], log: true}, say")
    kind, log = kinds[0], spec.get("log", False)
    if not isinstance(log, bool):
        raise StudyError(f"space.{key}: log is {log!r}", why="it is a switch", fix="write log: true or leave it out")
    if kind == "choice":
        return _choice(key, spec["choice"])
    return _range(key, kind, spec[kind], log)


def _choice(key: str, values: Any) -> Choice:
    if not isinstance(values, list) or not values:
        raise StudyError(f"space.{key}: an empty choice", why=f"it reads {values!r}", fix="list at least one value")
    if not all(isinstance(v, (int, float, str, bool)) for v in values):
        raise StudyError(
            f"space.{key}: a choice holds single values", why=f"it reads {values!r}", fix="use numbers or words"
        )
    if not all(map(is_finite, (v for v in values if isinstance(v, float)))):
        raise StudyError(f"space.{key}: a choice holds finite numbers", why=f"it reads {values!r}", fix="leave it out")
    if any(map(is_finite, values)) and (texts := [v for v in values if looks_numeric(v)]):
        raise _text_for_number(f"space.{key}", texts[0])
    if len({(type(v), v) for v in values}) != len(values):
        raise StudyError(f"space.{key}: a value stands twice", why=f"it reads {values!r}", fix="name each value once")
    return Choice(tuple(values))


def _range(key: str, kind: str, bounds: Any, log: bool) -> Int | Float:
    shape = f"{kind}: [low, high]"
    if isinstance(bounds, tuple):
        bounds = list(bounds)
    if isinstance(bounds, list) and (texts := [b for b in bounds if looks_numeric(b)]):
        raise _text_for_number(f"space.{key}: {kind} is {bounds!r}", texts[0])
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(map(is_finite, bounds)):
        raise StudyError(
            f"space.{key}: {kind} is {bounds!r}", why=f"a range is written {shape}", fix="give two numbers"
        )
    if kind == "int" and not all(b == int(b) for b in bounds):
        raise StudyError(
            f"space.{key}: int is {bounds!r}", why="its bounds are whole numbers", fix="round them, or write float"
        )
    low, high = map(int, bounds) if kind == "int" else bounds
    if low >= high:
        what = "inverted" if low > high else "empty"
        raise StudyError(
            f"space.{key}: the range [{low}, {high}] is {what}",
            why="the first bound must lie below the second",
            fix=f"swap them: did you mean {{{kind}: [{high}, {low}]}}?"
            if low > high
            else f"write '{key}: {low}' to fix the value",
        )
    if log and low <= 0:
        raise StudyError(
            f"space.{key}: a logarithmic range starts at {low}",
            why="a logarithm needs positive numbers",
            fix="start above zero, or leave log out",
        )
    return Int(low, high, log) if kind == "int" else Float(float(low), float(high), log)


def _text_for_number(what: str, text: str) -> StudyError:
    """A text that looks like a number where a number must stand."""
    return StudyError(
        what if "is [" in what else f"{what}: {text!r} stands among numbers",
        why=f"{text!r} is a text: quotes, a comma, a blank or a stray sign make it one",
        fix="write the number plainly: 0.001, 1e-3 or 1000",
    )
