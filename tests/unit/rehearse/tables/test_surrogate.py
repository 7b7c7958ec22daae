"""Unseen configurations: neighbours foretell where the space is smooth, say so where it is not, and are drawn by key."""

from __future__ import annotations

import numpy as np
from tests.unit.rehearse.made import SPACE, table

from perch.rehearse.run import Setting, events
from perch.rehearse.tables.surrogate import Neighbours, SurrogateCurves, lines, rung_reliability
from perch.rehearse.variants import variants
from perch.simulate import Delays


def test_a_smooth_space_is_foretold_and_a_random_one_is_not() -> None:
    smooth = Neighbours(table(200)).trust().curve[-1]
    assert smooth.rank_correlation > 0.9
    assert smooth.error < 0.3 * smooth.plain_error
    shuffled = table(200).values[np.random.default_rng(0).permutation(200)]
    random = Neighbours(table(200, values=shuffled)).trust().curve[-1]
    assert abs(random.rank_correlation) < 0.25
    assert random.error > 0.6 * random.plain_error


def test_a_dimension_that_matters_counts_more() -> None:
    scale = Neighbours(table(200))._scale
    assert scale[0] > 2 * scale[1]  # lr decides, width does nothing


def test_unseen_configurations_repeat_a_neighbours_row_and_seen_ones_their_own() -> None:
    made = table(60)
    neighbours = Neighbours(made)
    curves = SurrogateCurves(made, 0, neighbours)
    assert curves.row(made.configs[5], "00000") == 5
    unseen = SPACE.draw(99, 0)
    near, shares = neighbours.near(unseen)
    rows = {curves.row(unseen, f"{k:05d}") for k in range(100, 300)}
    assert rows <= set(near.tolist())
    assert np.isclose(shares.sum(), 1.0)
    again = SurrogateCurves(made, 0, neighbours)
    assert [again.row(unseen, f"{k:05d}") for k in range(100, 120)] == [
        curves.row(unseen, f"{k:05d}") for k in range(100, 120)
    ]


def test_a_searcher_of_its_own_runs_on_it() -> None:
    made, (tpe,) = table(60), variants(["asha-tpe+initial=3"])
    curves = SurrogateCurves(made, 0, Neighbours(made))
    log = list(events(made, tpe, 0, Setting(2, 60.0, Delays()), curves))
    assert any(e["e"] == "result" for e in log)
    assert any(e["by"] == "tpe" and e["config"] not in made.configs for e in log if e["e"] == "trial")


def test_trust_is_said_in_every_number() -> None:
    made = table(60)
    (text,) = lines(Neighbours(made).trust(), made)
    assert "rank correlation" in text and "seconds of an epoch" in text
    assert [c.rung for c in rung_reliability(made)] == [1, 3]
    assert all(c.correlation > 0.99 for c in rung_reliability(made))


def test_noise_between_seeds_is_measured_where_there_are_repeats() -> None:
    assert Neighbours(table(40)).trust().seed_noise is None
    made = table(400)
    values = np.repeat(made.values[:200], 2, axis=0) + np.random.default_rng(0).normal(scale=0.3, size=(400, 9))
    noise = Neighbours(table(400, values=values, config_of=np.repeat(np.arange(200), 2))).trust().seed_noise
    assert noise is not None and 0.26 < noise < 0.34
