"""Trials drawn from a table: a searcher that proposes recorded configurations, and their curves for the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from perch.errors import TrialError
from perch.rehearse.tables.table import DIVERGED, FAILED, Table, config_key
from perch.simulate import Curves
from perch.space import keyed_rng, keyed_uniforms
from perch.strategies.strategy import Event, New, Searcher
from perch.vocabulary import EPOCH_S, TEST_MAE_EV, TRAINING_LOSSES

BY: Final = "record"
"""Who proposed a configuration that was drawn from the table."""


TIE: Final = 1e-7
"""Relative difference between two trainings of one row."""


class TableSearch(Searcher):
    """Draws configurations from the table without replacement, each as often as it has weight; then from the start.

    A run without repeats is a sample of the space itself, so its mean over seeds has no bias (Hoeffding, Ann. Math. Statist.
    19 (1948) 293); a run with repeats would see fewer configurations than a real one. Number k depends on the seed and k
    alone, as in a real run of random search: every strategy meets the same ones.
    """

    name = BY
    takes_priors = False

    def __init__(self, table: Table, seed: int) -> None:
        self._configs, self._seed = table.configs, seed
        share = np.bincount(table.config_of, weights=table.weights, minlength=len(table.configs))
        size = max(round(float(share.sum())), 1)
        start = next(keyed_uniforms(seed, "rehearse"))
        places = (np.arange(size) + start) / size * share.sum()  # systematic: a weight of 2.3 gives two, or three
        self._urn = np.minimum(np.searchsorted(np.cumsum(share), places, side="right"), len(self._configs) - 1)
        self._passes: list[list[int]] = []

    def suggest(self, ordinal: int, now_s: float) -> New:
        """The configuration of trial number ``ordinal``."""
        number, place = divmod(ordinal, len(self._urn))
        while len(self._passes) <= number:
            order = keyed_rng(self._seed, "rehearse", len(self._passes)).permutation(self._urn)
            self._passes.append(order.tolist())
        return New(self._configs[self._passes[number][place]], by=BY)

    def applied(self, event: Event) -> None:
        """Nothing to learn."""


class TableCurves(Curves):
    """The curves of a table's configurations; of several repeats each trial gets one, drawn by (seed, trial).

    A row that is met once more differs from the first time by less than a ten-millionth, as no two trainings are equal: a
    rung would take them for a tie, and keep both. A diverged row reports NaN after its last epoch, a failed one fails there; both take a mean epoch until then.
    Raises KeyError for a configuration that the table does not hold.
    """

    def __init__(self, table: Table, seed: int) -> None:
        if table.seconds is None:
            raise ValueError("a table without times cannot be rehearsed; see Table.check_times")
        self._table, self._seed = table, seed
        self._rows: dict[tuple[Any, ...], list[int]] = {}
        for row in table.usable.tolist():
            key = config_key(table.space, table.configs[table.config_of[row]])
            self._rows.setdefault(key, []).append(row)
        self._row_of: dict[str, int] = {}
        self._values: dict[int, list[float]] = {}
        self._seconds: dict[int, list[float]] = {}
        self._tests: dict[int, list[float]] = {}
        self._training: dict[int, list[float]] = {}
        self._again: dict[str, float] = {}
        self._metric, self._sign = table.metric, table.sign

    def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """As recorded. Raises TrialError where a recorded trial failed."""
        values = self._values[self.row(config, trial)]
        if epoch <= len(values):
            return values[epoch - 1] * self._again.get(trial, 1.0)
        fate = self._table.fates[self._row_of[trial]]
        if fate == FAILED:
            raise TrialError("as recorded: the trial failed here")
        assert fate == DIVERGED, f"{trial} trains beyond its record"
        return float("nan")

    def seconds(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """As recorded, and the seconds for handing in a result."""
        seconds = self._seconds[self.row(config, trial)]
        return seconds[min(epoch, len(seconds)) - 1]

    def metrics(self, config: Mapping[str, Any], trial: str, epoch: int) -> dict[str, Any]:
        """Value, test error and training loss where there are any, and seconds, under the record's names."""
        row = self.row(config, trial)
        values, seconds, tests = self._values[row], self._seconds[row], self._tests.get(row)
        if epoch > len(values):
            return {EPOCH_S: seconds[-1]}
        out = {self._metric: self._sign * values[epoch - 1], EPOCH_S: seconds[epoch - 1]}
        if tests is not None:
            out[TEST_MAE_EV] = tests[epoch - 1]
        if (training := self._training.get(row)) is not None:
            out[TRAINING_LOSSES[1]] = training[epoch - 1]
        return out

    def row(self, config: Mapping[str, Any], trial: str) -> int:
        """The row of the table that the trial repeats."""
        row = self._row_of.get(trial)
        if row is None:
            row = self._row_of[trial] = self._draw(config, trial)
        return row

    @property
    def rows_seen(self) -> int:
        """Different rows that trials have repeated so far."""
        return len(self._values)

    def _draw(self, config: Mapping[str, Any], trial: str) -> int:
        rows = self._rows[config_key(self._table.space, dict(config))]
        row = rows[0]
        if len(rows) > 1:
            row = rows[int(len(rows) * next(keyed_uniforms(self._seed, "repeat", trial)))]
        if row in self._values:
            self._again[trial] = 1 + TIE * (2 * next(keyed_uniforms(self._seed, "again", trial)) - 1)
        else:
            self._read(row)
        return row

    def _read(self, row: int) -> None:
        """Numpy rows become lists of floats once: indexing those is an order of magnitude cheaper."""
        table, last = self._table, int(self._table.last[row])
        assert table.seconds is not None
        known = table.seconds[row, :last]
        seconds = np.where(np.isfinite(known), known, table.epoch_s)
        mean_s = float(seconds.mean()) if last else table.epoch_s
        self._values[row] = table.values[row, :last].tolist()
        self._seconds[row] = [s + table.recorded.report_s for s in (*seconds.tolist(), mean_s)]
        if table.tests is not None:
            self._tests[row] = table.tests[row, :last].tolist()
        if table.training is not None:
            self._training[row] = table.training[row, :last].tolist()
