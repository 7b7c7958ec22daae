"""Learning curves for the virtual clock: what a trial would report, and how long its epochs would take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from perch.space import Space, keyed_uniforms
from perch.vocabulary import EPOCH_S, VALIDATION_MAE_EV


class Curves(Protocol):
    """Values and durations per epoch; equal arguments give equal answers.

    ``value`` may be NaN or infinite: the trial then counts as diverged. It may raise ``TrialError``: the trial has failed.
    """

    def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """What the trial reports after ``epoch`` (from 1), lower is better."""
        ...

    def seconds(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """Duration of the epoch, above zero."""
        ...

    def metrics(self, config: Mapping[str, Any], trial: str, epoch: int) -> dict[str, Any]:
        """Everything that the trial reports after ``epoch``, under the names of a run's record."""
        value, duration = self.value(config, trial, epoch), self.seconds(config, trial, epoch)
        return {VALIDATION_MAE_EV: value, EPOCH_S: duration}


@dataclass(frozen=True)
class PowerLaw(Curves):
    """Constructed curves ``limit + gap / epoch ** rate``, with noise; the limit grows with the distance from an optimum.

    The optimum lies at a random point of the unit cube, and configurations learn at different rates, so early results
    mislead sometimes.  ``noise``: half width of what is added to every value.  ``diverging``: share of the trials whose
    value becomes NaN at some epoch up to 8.
    """

    space: Space
    seed: int = 0
    noise: float = 0.01
    diverging: float = 0.0
    epoch_s: float = 1.0

    def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """The law at this epoch."""
        draw = keyed_uniforms(self.seed, "curve", trial)
        fails, at, rate = next(draw), 1 + int(8 * next(draw)), 0.3 + 0.7 * next(draw)
        if fails < self.diverging and epoch >= at:
            return float("nan")
        noise = self.noise * (2 * next(keyed_uniforms(self.seed, "noise", trial, epoch)) - 1)
        return float(0.2 + self._distance(config) + 0.8 / epoch**rate + noise)

    def seconds(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """Within a factor of two of ``epoch_s``, the same for all epochs of a trial."""
        return self.epoch_s * float(2 ** (2 * next(keyed_uniforms(self.seed, "seconds", trial)) - 1))

    def _distance(self, config: Mapping[str, Any]) -> float:
        """Mean squared distance from the optimum over the searched keys, 0 to 1."""
        if not self.space.dimensions:
            return 0.0
        optimum = keyed_uniforms(self.seed, "optimum")
        unit = self.space.to_unit(config)
        return sum((u - next(optimum)) ** 2 for u in unit.values()) / len(unit)
