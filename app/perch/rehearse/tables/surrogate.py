"""Unseen configurations: each does as one of its recorded neighbours did, and how far that can be trusted.

A neighbour is drawn, not averaged: a weighted draw among the nearest configurations estimates the distribution of a trial
given its configuration (Stone, Ann. Statist. 5 (1977) 595), so curves keep their noise, failures and seconds as observed.
What differs between neighbours then looks like noise to a searcher, which is kinder to random search than to a model.
Distances are Euclidean in the unit cube; a dimension counts by the share of the last value's rank that it explains alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from perch.compare.figures.rungs import levels
from perch.compare.statistics.early import RungCorrelation, rung_correlations
from perch.dimension import Choice
from perch.rehearse.tables.drawn import TableCurves
from perch.rehearse.tables.table import COMPLETED, Table, config_key
from perch.space import Config, Space, keyed_uniforms

Array = NDArray[np.float64]

NEIGHBOURS: Final = (1, 3, 5, 8, 13)
"""Numbers of neighbours tried; the one with the lowest error at the last epoch, each configuration left out in turn, is taken."""

LEAST_RELEVANCE: Final = 0.05
"""No dimension counts for nothing: what explains little alone may matter together with another."""


@dataclass(frozen=True)
class Error:
    """Median error of the neighbours' mean, each configuration left out in turn, in the metric's unit.

    ``plain_error``: that of the table's median, for comparison.  ``rank_correlation``: of predicted with recorded values.
    """

    epoch: int
    error: float
    plain_error: float
    rank_correlation: float


@dataclass(frozen=True)
class Trust:
    """How well recorded neighbours foretell a configuration that was left out. ``time_factor``: typical factor by which
    its epoch's seconds are missed; None without times.
    """

    neighbours: int
    curve: tuple[Error, ...]
    time_factor: float | None
    seed_noise: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Neighbours:
    """Recorded configurations as points of the unit cube, scaled by relevance."""

    def __init__(self, table: Table) -> None:
        self.table = table
        rows = np.unique(table.config_of[table.usable])
        self.configs = rows
        self._points = np.stack([encode(table.space, table.configs[c]) for c in rows])
        self._scale = np.sqrt(np.maximum(self._relevance(), LEAST_RELEVANCE))
        self._scaled = self._points * self._scale
        self.k = min((self.trust(k) for k in self._sizes), key=lambda t: t.curve[-1].error).neighbours

    def near(self, config: Mapping[str, Any]) -> tuple[NDArray[np.int64], Array]:
        """The nearest recorded configurations of any point, and their shares of a draw."""
        distance = np.linalg.norm(self._scaled - encode(self.table.space, config) * self._scale, axis=1)
        order = np.argsort(distance, kind="stable")[: self.k]
        return self.configs[order], _shares(distance[order])

    def trust(self, k: int | None = None) -> Trust:
        """Errors with each configuration left out in turn."""
        k = self.k if k is None else k
        order = self._order[:, :k]
        shares = np.stack([_shares(d) for d in np.take_along_axis(self._distances, order, axis=1)])
        curve = tuple(self._error(order, shares, e) for e in [*levels(self.table.epochs)])
        return Trust(k, curve, self._time_factor(order, shares), seed_noise(self.table))

    @property
    def _sizes(self) -> list[int]:
        return [k for k in NEIGHBOURS if k < len(self.configs)] or [1]

    @cached_property
    def _distances(self) -> Array:
        """Between configurations, infinite to itself."""
        squared = (self._scaled**2).sum(axis=1)
        product = squared[:, None] + squared[None, :] - 2 * self._scaled @ self._scaled.T
        distances = np.sqrt(np.maximum(product, 0.0))
        np.fill_diagonal(distances, np.inf)
        return np.asarray(distances)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.asarray(np.argsort(self._distances, axis=1, kind="stable")[:, : max(NEIGHBOURS)])

    @cached_property
    def _values(self) -> Array:
        """Mean curve of each configuration; the worst value seen where a trial diverged or failed."""
        table = self.table
        values = table.values[table.usable].copy()
        worst = np.nanmax(values, axis=0)
        values = np.where(np.isfinite(values), values, worst)
        return _by_config(values, np.searchsorted(self.configs, table.config_of[table.usable]), len(self.configs))

    def _relevance(self) -> Array:
        """Share of the variance of the last value's rank that each dimension explains alone, by nearest neighbours."""
        ranks = stats.rankdata(self._values[:, -1])
        window = max(int(np.sqrt(len(ranks))), 3)
        out = []
        for column in self._points.T:
            order = np.argsort(column, kind="stable")
            seen = ranks[order]
            total = np.convolve(seen, np.ones(window), mode="same") - seen
            number = np.convolve(np.ones(len(seen)), np.ones(window), mode="same") - 1
            residual = seen - total / number
            out.append(1 - float(residual.var() / max(seen.var(), 1e-12)))
        return np.asarray(np.clip(np.array(out), 0.0, 1.0))

    def _error(self, order: NDArray[np.int64], shares: Array, epoch: int) -> Error:
        values = self._values[:, epoch - 1]
        predicted = (values[order] * shares).sum(axis=1)
        others = float(np.median(values))
        correlation = stats.spearmanr(predicted, values).statistic if np.ptp(values) and np.ptp(predicted) else 0.0
        missed, missed_plainly = np.median(np.abs(predicted - values)), np.median(np.abs(others - values))
        return Error(epoch, float(missed), float(missed_plainly), float(correlation))

    def _time_factor(self, order: NDArray[np.int64], shares: Array) -> float | None:
        table = self.table
        if table.seconds is None:
            return None
        kept = [r for r in table.usable if table.last[r] > 0]
        per_row = np.array(
            [float(np.nanmean(table.seconds[r, : table.last[r]])) if r in set(kept) else np.nan for r in table.usable]
        )
        per_row = np.where(np.isfinite(per_row), per_row, table.epoch_s)
        places = np.searchsorted(self.configs, table.config_of[table.usable])
        seconds = _by_config(np.log(per_row)[:, None], places, len(self.configs))[:, 0]
        missed = np.abs((seconds[order] * shares).sum(axis=1) - seconds)
        return float(np.exp(np.median(missed)))


class SurrogateCurves(TableCurves):
    """A table's curves, and for unseen configurations those of a neighbour, drawn by (seed, trial)."""

    def __init__(self, table: Table, seed: int, neighbours: Neighbours) -> None:
        super().__init__(table, seed)
        self._neighbours = neighbours

    def _draw(self, config: Mapping[str, Any], trial: str) -> int:
        if config_key(self._table.space, dict(config)) in self._rows:
            return super()._draw(config, trial)
        near, shares = self._neighbours.near(config)
        left = next(keyed_uniforms(self._seed, "neighbour", trial))
        place = int(np.searchsorted(np.cumsum(shares), left))
        return super()._draw(self._table.configs[near[min(place, len(near) - 1)]], trial)


def encode(space: Space, config: Config | Mapping[str, Any]) -> Array:
    """A point of the unit cube; a choice among words takes one coordinate for each, so that all are equally far apart."""
    out: list[float] = []
    for key, dimension in space.dimensions.items():
        if isinstance(dimension, Choice) and not dimension.numeric:
            out += [0.5**0.5 * (config[key] == value) for value in dimension.values]
        else:
            out.append(float(dimension.to_unit(config[key])))
    return np.array(out)


def lines(trust: Trust, table: Table) -> list[str]:
    """For people."""
    parts = [
        f"epoch {e.epoch}: {e.error:.3g} ({e.plain_error:.3g}), rank correlation {e.rank_correlation:.2f}"
        for e in trust.curve
    ]
    time = (
        ""
        if trust.time_factor is None
        else f"; seconds of an epoch: within a factor of {trust.time_factor:.2f} (median)"
    )
    noise = "" if trust.seed_noise is None else f"; noise between seeds at epoch {table.epochs}: {trust.seed_noise:.3g}"
    return [
        f"a configuration foretold by its {trust.neighbours} nearest in the record, each left out in turn: median error (that of the "
        f"record's median) {'; '.join(parts)}{time}{noise}"
    ]


def _shares(distance: Array) -> Array:
    inverse = 1.0 / (distance + 1e-9 + 0.1 * float(np.mean(distance)))
    return np.asarray(inverse / inverse.sum())


def _by_config(values: Array, places: NDArray[np.int64], n: int) -> Array:
    total = np.zeros((n, values.shape[1]))
    np.add.at(total, places, values)
    return np.asarray(total / np.bincount(places, minlength=n)[:, None])


def seed_noise(table: Table) -> float | None:
    """Pooled standard deviation of the last value between full repeats of a configuration; None where there are none."""
    squares, freedom = 0.0, 0
    for config in np.unique(table.config_of[table.full]):
        values = table.values[table.full[table.config_of[table.full] == config], -1]
        squares += float(((values - values.mean()) ** 2).sum())
        freedom += len(values) - 1
    return float(np.sqrt(squares / freedom)) if freedom else None


def rung_reliability(table: Table) -> list[RungCorrelation]:
    """Rank correlation of each level of epochs with the last, over all full curves, each with its weight."""
    rows = [r for r in table.usable if table.fates[r] == COMPLETED]
    values = pd.DataFrame(table.values[rows], columns=range(1, table.epochs + 1))
    return rung_correlations(values, levels(table.epochs)[:-1], table.weights[rows])
