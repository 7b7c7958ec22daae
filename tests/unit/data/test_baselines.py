"""Baselines say what they should on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from perch.data.baselines import baselines, composition_features, group_and_period, ridge_r_squared
from perch.data.graphs.graph import Graphs, Split


def graphs(numbers: list[list[int]], adsorbate: list[list[bool]], target: list[float]) -> Graphs:
    flat = np.concatenate([np.array(n) for n in numbers])
    return Graphs(
        start=np.concatenate([[0], np.cumsum([len(n) for n in numbers])]),
        numbers=flat,
        neighbors=np.arange(len(flat))[:, None],
        distances=np.ones((len(flat), 1), dtype=np.float32),
        mask=np.zeros((len(flat), 1), dtype=bool),
        adsorbate=np.concatenate([np.array(a, dtype=bool) for a in adsorbate]),
        surface=np.zeros(len(flat), dtype=bool),
        fixed=np.zeros(len(flat), dtype=bool),
        target_ev=np.array(target),
        cutoff_angstrom=6.0,
        max_neighbors=12,
    )


METALS = [22, 24, 26, 28, 29, 40, 42, 44, 46, 47, 72, 74, 76, 78, 79]


def data() -> tuple[Graphs, list[str], list[str], Split]:
    """H and O on fifteen metals, an energy that is linear in the metal's group with a slope of each adsorbate's own."""
    group, _period = group_and_period(METALS)
    rows = [(z, g, ads) for z, g in zip(METALS, group, strict=True) for ads in (1, 8)]
    target = [(-2.0 + 0.3 * g if ads == 8 else 0.5 + 0.02 * g) for _z, g, ads in rows]
    made = graphs([[z, z, z, ads] for z, _g, ads in rows], [[False, False, False, True]] * len(rows), target)
    names = ["O" if ads == 8 else "H" for _z, _g, ads in rows]
    order = np.arange(len(rows))
    test, validation = order[(order // 2) % 5 == 0], order[(order // 2) % 5 == 1]
    train = np.setdiff1d(order, np.concatenate([test, validation]))
    return made, names, [str(z) for z, _g, _ads in rows], Split(train, validation, test, {"both": np.array([0, 1])})


def test_each_is_what_its_name_says() -> None:
    made, names, groups, split = data()
    y, kinds = made.target_ev, np.array(names)
    found = baselines(made, names, groups, [split], ["test"])["test"]
    assert found["mean"] == pytest.approx(np.abs(y[split.test] - y[split.train].mean()).mean())
    per = {k: y[split.train][kinds[split.train] == k].mean() for k in ("H", "O")}
    assert found["mean_per_adsorbate"] == pytest.approx(np.mean([abs(y[r] - per[names[r]]) for r in split.test]))


def test_the_ridge_carries_over_to_metals_that_it_has_not_seen() -> None:
    made, names, groups, split = data()
    for side in ("validation", "test", "both"):
        found = baselines(made, names, groups, [split], [side])[side]
        assert found["ridge_composition"] is not None
        assert found["ridge_composition"] < found["mean_per_adsorbate"] / 3  # type: ignore[operator]


def test_only_training_targets_are_used() -> None:
    made, names, groups, split = data()
    before = baselines(made, names, groups, [split], ["validation"])["validation"]
    made.target_ev[split.test] += 100.0
    assert baselines(made, names, groups, [split], ["validation"])["validation"] == before


def test_folds_are_averaged() -> None:
    made, names, groups, split = data()
    other = Split(split.train, split.test, split.validation, {})
    single = [baselines(made, names, groups, [s], ["test"])["test"] for s in (split, other)]
    both = baselines(made, names, groups, [split, other], ["test"])["test"]
    for name, value in both.items():
        assert value == pytest.approx(np.mean([s[name] for s in single]))


def test_what_has_no_meaning_is_none() -> None:
    made, names, groups, split = data()
    assert baselines(made, [""] * len(names), groups, [split], ["test"])["test"]["mean_per_adsorbate"] is None
    none = Split(split.train, split.validation, np.array([], dtype=np.int64), {})
    assert set(baselines(made, names, groups, [none], ["test"])["test"].values()) == {None}


@pytest.mark.parametrize(
    ("z", "group", "period"),
    [
        *((1, 1, 1), (2, 18, 1), (3, 1, 2), (4, 2, 2), (5, 13, 2), (8, 16, 2), (10, 18, 2), (13, 13, 3), (21, 3, 4)),
        *((26, 8, 4), (30, 12, 4), (46, 10, 5), (57, 3, 6), (64, 3, 6), (72, 4, 6), (78, 10, 6), (79, 11, 6)),
        *((86, 18, 6), (92, 3, 7), (104, 4, 7)),
    ],
)
def test_group_and_period(z: int, group: int, period: int) -> None:
    found = group_and_period([z])
    assert (found[0][0], found[1][0]) == (group, period)


def test_r_squared_of_a_sum_over_atoms_is_one() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 5, (60, 3)).astype(float)
    energy = counts @ [-3.0, -5.5, -1.0] + 2.0
    assert ridge_r_squared(counts, energy) > 0.9999
    assert ridge_r_squared(counts, rng.normal(size=60)) < 0.5
    assert ridge_r_squared(counts, np.ones(60)) == 0.0


def test_sparse_features_are_the_table_of_slopes_and_shares_crossed_with_the_adsorbate() -> None:
    made, names, _groups, _split = data()
    group, period = group_and_period(METALS)
    found = composition_features(made, np.array(names))
    elements = sorted({*METALS, 1, 8})
    for row, name in enumerate(names):
        metal = METALS[row // 2]
        g, p = (group[row // 2] - 9) / 3, period[row // 2] - 5
        share = 0.3 * np.array([float(z == metal) for z in elements])
        own = np.concatenate([[1.0, g, g**2, g**2, p], share])
        wanted = np.concatenate([own, own * (name == "H"), own * (name == "O")])
        np.testing.assert_allclose(found[[row]].toarray()[0], wanted, atol=1e-12)
    assert found.nnz < 0.3 * found.shape[0] * found.shape[1]


def test_a_sparse_table_and_a_whole_one_give_the_same_regression() -> None:
    rng = np.random.default_rng(1)
    table = rng.integers(0, 3, (80, 12)) * (rng.random((80, 12)) < 0.3) * 1.0
    energy = table @ rng.normal(size=12) + rng.normal(size=80)
    whole, sparse_ = ridge_r_squared(table, energy), ridge_r_squared(sparse.csr_array(table), energy)
    centred, level = table - table.mean(0), energy.mean()
    slopes = np.linalg.solve(centred.T @ centred + 1e-8 * np.eye(12), centred.T @ (energy - level))
    left = energy - level - centred @ slopes
    assert whole == pytest.approx(1 - left @ left / ((energy - level) @ (energy - level)), rel=1e-9)
    assert sparse_ == pytest.approx(whole, rel=1e-12)
