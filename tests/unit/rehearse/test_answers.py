"""What a rehearsal says: intervals that cover, order between strategies, and the end of what a table can say."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.rehearse.made import table

from perch.compare.statistics.incumbent import incumbent
from perch.rehearse.answers import Gain, Mean, answer, mean_of, record_half
from perch.rehearse.many import rehearse_all
from perch.rehearse.run import POINTS, Rehearsed, Setting
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import variants
from perch.simulate import Delays


def run(label: str, seed: int, steps: list[tuple[float, float]], trials: int = 10) -> Rehearsed:
    """A run with a known staircase."""
    nothing = np.full(POINTS, np.nan)
    reached = np.array([0] * 9 + [trials])
    return Rehearsed(
        label, seed, incumbent([t for t, _ in steps], [v for _, v in steps]), reached, trials, trials, 9 * trials, 5, 0, 1, 0, nothing, nothing
    )  # fmt: skip


def test_the_interval_of_a_mean_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        mean = mean_of(rng.normal(1.0, 2.0, 12))
        covered += mean.low <= 1.0 <= mean.high
    assert 0.93 < covered / 2000 < 0.97


def test_who_beats_whom_and_when() -> None:
    """``late`` is worse at a quarter of the time in all seeds and better at the end in three of four."""
    runs = {
        "early": [run("early", s, [(10.0, 0.5)]) for s in range(4)],
        "late": [run("late", s, [(10.0, 0.9), (90.0, 0.6 if s == 0 else 0.4)]) for s in range(4)],
    }
    found = answer(table(), runs, 100.0, "early")
    chances = {(b.strategy, b.share): b.chance.probability for b in found.beats}
    assert (chances["late", 0.25], chances["late", 1.0], chances["early", 1.0]) == (0.0, 0.75, 0.25)
    assert {v.strategy: v.best_in for v in found.values} == {"early": 1.0, "late": 3.0}
    late = found.values[1].values[-1]
    assert late is not None and late.value == pytest.approx(0.45)


def test_no_value_where_a_seed_had_no_result_yet() -> None:
    runs = {"a": [run("a", 0, [(60.0, 0.5)]), run("a", 1, [(10.0, 0.5)])]}
    values = answer(table(), runs, 100.0, "a").values[0].values
    assert values[0] is None and values[2] is not None


def test_more_is_better_keeps_the_metrics_sign() -> None:
    made = table(sign=-1.0, metric="accuracy")
    runs = {"a": [run("a", s, [(10.0, -0.5 - 0.1 * s)]) for s in range(3)]}
    mean = answer(made, runs, 100.0, "a").values[0].values[-1]
    assert mean is not None
    assert mean.value == pytest.approx(0.6)
    assert mean.low < 0.6 < mean.high


def saturation(rows: int, time_s: float) -> list[str]:
    made: Table = table(rows)
    setting = Setting(2, time_s, Delays())
    return answer(made, rehearse_all(made, variants(["rs"]), range(3), setting, processes=1), time_s, "rs").saturated


def test_a_saturated_table_is_named() -> None:
    assert saturation(200, 100.0) == []
    (text,) = saturation(30, 2000.0)
    assert "saturated for rs" in text and "30 curves" in text


def test_the_interval_with_the_records_chance_covers_the_spaces_value() -> None:
    """Best of 20 from records of 100 curves: intervals over seeds alone miss the truth, with the record's share they do not."""
    rng = np.random.default_rng(0)
    truth = float(rng.uniform(size=(200_000, 20)).min(axis=1).mean())
    alone = both = 0
    for _ in range(300):
        record = rng.uniform(size=100)
        values = np.array([rng.permutation(record)[:20].min() for _ in range(100)])
        mean, half = mean_of(values), record_half(values, 20, 100)
        assert half is not None
        alone += mean.low <= truth <= mean.high
        both += abs(mean.value - truth) <= np.hypot(half, (mean.high - mean.low) / 2)
    assert alone / 300 < 0.6
    assert both / 300 > 0.93


def test_a_record_that_one_run_uses_up_says_nothing_of_the_space() -> None:
    values = np.random.default_rng(0).normal(size=50)
    assert record_half(values, 96, 100) is None
    small, large = record_half(values, 10, 100), record_half(values, 50, 100)
    assert small is not None and large is not None and small < large


def test_a_gain_is_called_by_both_chances() -> None:
    sure, unsure = Mean(0.2, 0.15, 0.25), Mean(0.02, 0.01, 0.03)
    assert Gain("a", "b", sure, 0.05).verdict == "better"
    assert Gain("a", "b", Mean(-0.2, -0.25, -0.15), 0.05).verdict == "worse"
    assert Gain("a", "b", unsure, 0.05).verdict.startswith("cannot tell")
    assert "uses up" in Gain("a", "b", sure, None).verdict
