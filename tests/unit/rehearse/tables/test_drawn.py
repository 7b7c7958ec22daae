"""Trials drawn from a table: keyed, paired over strategies, and as recorded to the end, divergence and failure included."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from tests.unit.rehearse.made import table

from perch.errors import TrialError
from perch.rehearse.tables.drawn import TableCurves, TableSearch
from perch.rehearse.tables.table import COMPLETED, DIVERGED, FAILED
from perch.vocabulary import EPOCH_S, TEST_MAE_EV


def test_a_draw_depends_on_seed_and_number_alone() -> None:
    one, other = TableSearch(table(), 3), TableSearch(table(), 3)
    forwards = [one.suggest(k, 0.0).config for k in range(50)]
    assert [other.suggest(k, 9.0).config for k in reversed(range(50))] == forwards[::-1]
    assert [TableSearch(table(), 4).suggest(k, 0.0).config for k in range(50)] != forwards


def test_nothing_comes_twice_before_all_have_come() -> None:
    made = table()
    drawn = [str(TableSearch(made, 0).suggest(k, 0.0).config) for k in range(120)]
    assert all(len(set(drawn[start : start + 40])) == 40 for start in (0, 40, 80))
    assert drawn[:40] != drawn[40:80]


def test_configurations_come_as_often_as_they_have_weight() -> None:
    weights = np.ones(40)
    weights[0], weights[1], weights[2] = 39.5, 0.0, 1.5
    weighted = table(weights=weights)
    counts: Counter[str] = Counter()
    for seed in range(50):  # an urn holds 78: every whole part each time, the rest at random
        search = TableSearch(weighted, seed)
        counts.update(str(search.suggest(k, 0.0).config) for k in range(78))
    assert counts[str(weighted.configs[1])] == 0
    assert counts[str(weighted.configs[0])] / 50 == pytest.approx(39.5, abs=0.3)
    assert counts[str(weighted.configs[2])] / 50 == pytest.approx(1.5, abs=0.3)
    assert counts[str(weighted.configs[9])] == 50


def test_a_row_met_once_more_is_no_tie() -> None:
    made = table()
    curves = TableCurves(made, 0)
    first, second = (curves.value(made.configs[0], name, 9) for name in ("00000", "00001"))
    assert first == made.values[0, 8]
    assert 0 < abs(second / first - 1) < 1e-6


def test_a_trial_repeats_its_row() -> None:
    made = table()
    curves = TableCurves(made, 0)
    config = made.configs[7]
    assert [curves.value(config, "00000", e) for e in range(1, 10)] == made.values[7].tolist()
    assert curves.seconds(config, "00000", 4) == 2.25  # the epoch and its report
    assert curves.metrics(config, "00000", 9) == {
        "validation_mae_ev": made.values[7, 8], EPOCH_S: 2.25, TEST_MAE_EV: made.values[7, 8] + 0.1,
    }  # fmt: skip


def test_more_is_better_is_reported_in_the_metrics_own_sign() -> None:
    made = table(sign=-1.0, metric="accuracy", tests=None)
    assert TableCurves(made, 0).metrics(made.configs[0], "00000", 1)["accuracy"] == -made.values[0, 0]


def test_repeats_of_a_configuration_are_all_met() -> None:
    made = table()
    repeats = table(config_of=np.arange(40) // 4)
    curves = TableCurves(repeats, 0)
    met = {curves.row(made.configs[2], f"{k:05d}") for k in range(100)}
    assert met == {8, 9, 10, 11}


def test_a_row_diverges_or_fails_where_it_did() -> None:
    made = table()
    values = made.values.copy()
    values[0, 3:] = np.nan
    values[1, :] = np.nan
    ended = table(values=values, fates=(DIVERGED, FAILED) + (COMPLETED,) * 38)
    curves = TableCurves(ended, 0)
    assert curves.value(made.configs[0], "a", 3) == values[0, 2]
    assert math.isnan(curves.value(made.configs[0], "a", 4))
    assert curves.seconds(made.configs[0], "a", 4) == 2.25
    with pytest.raises(TrialError):
        curves.value(made.configs[1], "b", 1)
    assert curves.seconds(made.configs[1], "b", 1) == 2.25
