"""The dimensions of a search space: whole numbers, real numbers and choices, each with its axis from 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

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
