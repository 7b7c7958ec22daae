"""Hyperparameters as axes of pictures: where each value lies, from 0 to 1, and what is written there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FEW = 6
"""Whole numbers with so few different values are places side by side, like words; of others half as many."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One hyperparameter. ``kind``: ``linear``, ``log`` or ``choice``; ``values``: those of a choice, in order."""

    name: str
    kind: str
    low: float
    high: float
    values: tuple[Any, ...] = ()

    def place(self, column: pd.Series[Any]) -> Array:
        """Where values lie between 0 and 1; NaN for what is missing."""
        if self.kind == "choice":
            places = {value: (i + 0.5) / len(self.values) for i, value in enumerate(self.values)}
            return column.map(places).to_numpy(dtype=float)
        given = column.to_numpy(dtype=float)
        if self.kind == "log":
            return np.asarray(np.log(given / self.low) / math.log(self.high / self.low))
        return np.asarray((given - self.low) / (self.high - self.low))

    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts of the marks."""
        if self.kind == "choice":
            return [((i + 0.5) / len(self.values), _text(v)) for i, v in enumerate(self.values)]
        if self.kind == "log":
            return [(u, _text(self.low * (self.high / self.low) ** u)) for u in (0.0, 0.5, 1.0)]
        return [(u, _text(self.low + u * (self.high - self.low))) for u in (0.0, 0.5, 1.0)]

    def as_dict(self) -> dict[str, Any]:
        """For the page."""
        return {"name": self.name, "kind": self.kind, "low": self.low, "high": self.high, "values": list(self.values)}


def axis_of(name: str, column: pd.Series[Any]) -> Axis:
    """The axis of one hyperparameter, from the values that trials had."""
    present = column.dropna()
    numeric = all(isinstance(v, int | float | np.number) and not isinstance(v, bool | np.bool_) for v in present)
    different = present.nunique()
    whole = numeric and bool((present.astype(float) % 1 == 0).all())
    if not numeric or different <= (FEW if whole else FEW // 2):
        ordered = sorted(present.unique(), key=lambda v: (0, v, "") if numeric else (1, 0, str(v)))
        return Axis(name, "choice", 0.0, 1.0, tuple(v.item() if isinstance(v, np.generic) else v for v in ordered))
    low, high = float(present.min()), float(present.max())
    return Axis(name, "log" if low > 0 and high > 9 * low else "linear", low, high)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
