"""What is believed of a hyperparameter before a search: where its good values lie, and how surely.

Numbers: a normal distribution around ``centre``, cut off at the ends of the range. ``width`` is its standard deviation: in the
hyperparameter's own unit, and on a logarithmic range a factor (3: two thirds of it lie between a third and three times the centre).
Choices: ``centre`` with ``probability``, the others share the rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

from perch.dimension import Choice, Dimension, Float, Value
from perch.errors import StudyError, did_you_mean
from perch.numeric import is_finite

KEYS: Final = ("centre", "width", "probability")
_EDGE: Final = 1e-12
"""Shares of a normal distribution nearer to 0 or 1 have no finite quantile."""


@dataclass(frozen=True, slots=True)
class Prior:
    """``width`` is None for a choice, ``probability`` for a number."""

    centre: Value
    width: float | None = None
    probability: float | None = None

    def from_unit(self, dimension: Dimension, u: float) -> Value:
        """Map u in [0, 1) to a value of the dimension, distributed as is believed."""
        if isinstance(dimension, Choice):
            return self._choice(dimension, u)
        normal = NormalDist(dimension.to_unit(self.centre), self._deviation(dimension))
        low, high = normal.cdf(0.0), normal.cdf(1.0)
        place = normal.inv_cdf(min(max(low + u * (high - low), _EDGE), 1 - _EDGE))
        return dimension.from_unit(min(max(place, 0.0), 1.0))

    def _choice(self, dimension: Choice, u: float) -> Value:
        assert self.probability is not None
        if u < self.probability or len(dimension.values) == 1:
            return self.centre
        others = [
            v for v in dimension.values if v != self.centre or isinstance(v, bool) != isinstance(self.centre, bool)
        ]
        return others[min(int((u - self.probability) / (1 - self.probability) * len(others)), len(others) - 1)]

    def _deviation(self, dimension: Dimension) -> float:
        """On the axis from 0 to 1."""
        assert self.width is not None and not isinstance(dimension, Choice)
        margin = 0.0 if isinstance(dimension, Float) else 0.5
        low, high = dimension.low - margin, dimension.high + margin
        if dimension.log:
            return math.log(self.width) / (math.log(high) - math.log(low))
        return self.width / (high - low)

    def spec(self) -> dict[str, Any]:
        """The form that a study file has."""
        return {k: v for k in KEYS if (v := getattr(self, k)) is not None}


def read_prior(key: str, given: Any, dimension: Dimension) -> Prior:
    """Read ``prior: {centre: 0.01, width: 3}`` of ``space.KEY``. Raises StudyError for what is none."""
    what = f"space.{key}.prior"
    form = "{centre: adam, probability: 0.7}" if isinstance(dimension, Choice) else "{centre: 0.01, width: 3}"
    if not isinstance(given, Mapping):
        raise StudyError(f"{what} is {given!r}", why=f"a prior is written {form}", fix="write it so, or leave it out")
    wanted = "probability" if isinstance(dimension, Choice) else "width"
    for name in given:
        if name not in ("centre", wanted):
            why = did_you_mean(str(name), ("centre", wanted))
            raise StudyError(f"{what}: cannot read '{name}'", why=f"{why}; here it is written {form}", fix="correct it")
    for name in ("centre", wanted):
        if name not in given:
            raise StudyError(f"{what}: '{name}' is missing", why=f"a prior is written {form}", fix="add it")
    centre, number = given["centre"], given[wanted]
    if not dimension.contains(centre):
        raise StudyError(
            f"{what}: the centre {centre!r} lies outside {dimension.spec()}", why="it is a value that the search may take",
            fix="correct it, or widen the space",
        )  # fmt: skip
    if not is_finite(number):
        raise StudyError(f"{what}: {wanted} is {number!r}", why="it is a number", fix=f"write {form}, say")
    if isinstance(dimension, Choice):
        if not 0 < number < 1:
            raise StudyError(
                f"{what}: probability is {number:g}", why="it lies between 0 and 1; with 1 nothing is left to search",
                fix=f"write 0.7, say, or fix it: '{key}: {centre}'",
            )  # fmt: skip
        return Prior(centre, probability=float(number))
    if number <= (1 if dimension.log else 0):
        unit = (
            "a factor above 1 on a logarithmic range"
            if dimension.log
            else "a standard deviation above 0, in the unit of the range"
        )
        raise StudyError(
            f"{what}: width is {number:g}", why=f"it is {unit}", fix=f"correct it, or fix the value: '{key}: {centre}'"
        )
    return Prior(centre, width=float(number))
