"""Recorded learning curves as a table: what a rehearsal draws its trials from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from perch.errors import RecordError
from perch.simulate import Delays
from perch.space import Space
from perch.strategies.strategy import Config

Array = NDArray[np.float64]

FEWEST_CURVES: Final = 20
"""Full curves below which nothing is rehearsed."""

COMPLETED, DIVERGED, FAILED = "completed", "diverged", "failed"
KNOWN_FATES: Final = frozenset({COMPLETED, DIVERGED, FAILED})
"""Ends after which nothing of a curve is missing; every other end leaves its rest unknown."""


@dataclass(frozen=True)
class Recorded:
    """How the table came about: what a rehearsal does by default, and what its seconds are seconds of.

    ``report_s``: between an epoch's end and the next one's begin, for handing in the result.
    """

    workers: int | None = None
    time_s: float | None = None
    delays: Delays = field(default_factory=Delays)
    report_s: float = 0.0
    device: str = ""
    gpus_per_trial: float | None = None


@dataclass(frozen=True)
class Table:
    """Curves of configurations of one space. Row r belongs to ``configs[config_of[r]]``; repeats have several rows.

    ``values``: (rows, epochs), lower is better, NaN where nothing was reported.  ``seconds``: (rows, epochs), None where no
    times were recorded.  ``tests``: (rows, epochs) test errors, None without.  ``training``: (rows, epochs) training losses, None without.  ``fates``: the status of each trial at its end.
    ``weights``: how many trials each row stands for, 0 for rows whose rest is unknown.  ``sign``: -1 where more of the
    metric is better.
    """

    name: str
    space: Space
    configs: tuple[Config, ...]
    config_of: NDArray[np.int64]
    values: Array
    seconds: Array | None
    fates: tuple[str, ...]
    weights: Array
    tests: Array | None = None
    training: Array | None = None
    metric: str = "validation_mae_ev"
    sign: float = 1.0
    recorded: Recorded = field(default_factory=Recorded)
    notes: tuple[str, ...] = ()

    @property
    def epochs(self) -> int:
        """Epochs of a curve that nothing ended."""
        return int(self.values.shape[1])

    @cached_property
    def usable(self) -> NDArray[np.int64]:
        """Rows with weight: those that trials are drawn from."""
        return np.flatnonzero(self.weights > 0)

    @cached_property
    def full(self) -> NDArray[np.int64]:
        """Rows that reached the last epoch."""
        return np.array([r for r in self.usable if self.fates[r] == COMPLETED], dtype=np.int64)

    @cached_property
    def last(self) -> NDArray[np.int64]:
        """Epochs that each row reported."""
        return np.asarray(np.isfinite(self.values).sum(axis=1))

    @property
    def effective_size(self) -> float:
        """Kish's effective number of rows: fewer than there are where some stand for many."""
        w = self.weights[self.usable]
        return float(w.sum() ** 2 / (w**2).sum()) if len(w) else 0.0

    @property
    def distinct(self) -> int:
        """Configurations that can be drawn."""
        return len(np.unique(self.config_of[self.usable]))

    @cached_property
    def epoch_s(self) -> float:
        """Mean seconds of an epoch over the usable rows."""
        if self.seconds is None:
            return float("nan")
        return float(np.nanmean(self.seconds[self.usable]))

    def lasting(self, epoch_s: float) -> Table:
        """The same curves with epochs of ``epoch_s`` seconds in the mean, all equal where no times were recorded."""
        if epoch_s <= 0:
            raise RecordError(f"--epoch-s {epoch_s:g}", why="an epoch takes some time", fix="give seconds above zero")
        if self.seconds is None:
            seconds = np.where(np.isfinite(self.values), epoch_s, np.nan)
        else:
            seconds = self.seconds * (epoch_s / self.epoch_s)
        recorded = replace(self.recorded, delays=Delays(), report_s=0.0)
        note = f"epochs last {epoch_s:g} s in the mean, as was asked for; delays of the record are left out"
        return replace(self, seconds=seconds, recorded=recorded, notes=(*self.notes, note))

    def up_to(self, epochs: int, *, beyond: bool = False) -> Table:
        """The same curves with ``epochs`` epochs. More than were recorded only ``beyond``: then the last value stays.

        Raises RecordError.
        """
        if epochs < 1:
            raise RecordError(f"--epochs {epochs}", why="a trial trains one epoch at least", fix="give 1 or more")
        if epochs == self.epochs:
            return self
        if epochs < self.epochs:
            cut = replace(
                self, values=self.values[:, :epochs], seconds=_cut(self.seconds, epochs), tests=_cut(self.tests, epochs),
                training=_cut(self.training, epochs),
            )  # fmt: skip
            return _refated(cut, self, epochs)
        if not beyond:
            raise RecordError(
                f"--epochs {epochs}: the record ends at epoch {self.epochs}", why="what comes after it, nobody has seen",
                fix="rehearse at most as many, or add --beyond epochs: then every curve stays at its last value",
            )  # fmt: skip
        more = epochs - self.epochs
        note = f"epochs {self.epochs + 1} to {epochs} were never recorded: every curve stays at its last value there"
        return replace(
            self, values=_held(self.values, more), tests=None if self.tests is None else _held(self.tests, more),
            training=None if self.training is None else _held(self.training, more),
            seconds=None if self.seconds is None else _held(self.seconds, more), notes=(*self.notes, note),
        )  # fmt: skip

    def check(self) -> Table:
        """Raise RecordError for a table on which nothing can be rehearsed."""
        if len(self.full) < FEWEST_CURVES:
            raise RecordError(
                f"'{self.name}' holds {len(self.full)} full curves", why=f"{FEWEST_CURVES} are needed to say anything",
                fix="make more: perch record STUDY --budget 30m, or perch audit on the run that stopped its trials",
            )  # fmt: skip
        return self

    def check_times(self) -> Table:
        """Raise RecordError for a table without seconds."""
        if self.seconds is None:
            raise RecordError(
                f"'{self.name}' holds no times", why="a rehearsal needs to know how long an epoch takes",
                fix="say it: --epoch-s 60, say, for epochs of a minute each",
            )  # fmt: skip
        return self


def _cut(array: Array | None, epochs: int) -> Array | None:
    return None if array is None else array[:, :epochs]


def _refated(cut: Table, whole: Table, epochs: int) -> Table:
    """Rows that ended badly after the cut, or were stopped after it, are complete within it and stand for themselves."""
    reached = whole.last >= epochs
    fates = tuple(COMPLETED if r else f for f, r in zip(whole.fates, reached, strict=True))
    return replace(cut, fates=fates)


def _held(array: Array, more: int) -> Array:
    return np.concatenate([array, np.repeat(array[:, -1:], more, axis=1)], axis=1)


def group_configs(space: Space, configs: Sequence[Config]) -> tuple[tuple[Config, ...], NDArray[np.int64]]:
    """Distinct configurations, and for each given one the number of its own."""
    known: dict[tuple[Any, ...], int] = {}
    kept: list[Config] = []
    numbers = []
    for config in configs:
        key = config_key(space, config)
        if key not in known:
            known[key] = len(kept)
            kept.append(config)
        numbers.append(known[key])
    return tuple(kept), np.array(numbers, dtype=np.int64)


def config_key(space: Space, config: Config) -> tuple[Any, ...]:
    """What two trials of the same configuration share."""
    return tuple(config.get(key) for key in space.dimensions)
