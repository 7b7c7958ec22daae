"""The settled value of a training: its lowest mean over some epochs in a row.

The lowest of many values that swing from epoch to epoch is low by chance, and of many that do not swing it is not. Where configurations are
compared by it, those win whose trainings swing. A mean over neighbouring epochs has little of that chance, and still lets a training count
by its best stretch when it grows worse later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

EPOCHS_TO_ONE: Final = 10
"""Epochs of a full training for each one of the window: measured by ``benchmarks/judging.py`` (docs/explanation/winner.md)."""


def window_for(epochs: int) -> int:
    """How many epochs in a row are averaged, where a full training has ``epochs``; at least 1, the lowest value itself."""
    return max(epochs // EPOCHS_TO_ONE, 1)


@dataclass(slots=True)
class Settled:
    """Values of a training, added in the order of its epochs. Lower is better."""

    window: int = 1
    _last: deque[float] = field(default_factory=deque)
    _lowest: float | None = None

    @property
    def value(self) -> float | None:
        """The lowest mean so far, of all values while they are fewer than the window has; None before the first."""
        return fmean(self._last) if self._lowest is None and self._last else self._lowest

    def add(self, value: float) -> None:
        """The next epoch's value."""
        self._last.append(value)
        if len(self._last) > self.window:
            self._last.popleft()
        if len(self._last) == self.window:
            mean = fmean(self._last)
            self._lowest = mean if self._lowest is None else min(mean, self._lowest)


def settled(values: Iterable[float], window: int) -> float | None:
    """The settled value of a whole curve; None of an empty one."""
    training = Settled(window)
    for value in values:
        training.add(value)
    return training.value
