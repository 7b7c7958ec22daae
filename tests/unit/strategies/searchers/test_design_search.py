"""The space-filling set that perch record trains: spread evenly, repeats in a row, a function of the seed."""

from __future__ import annotations

from perch.dimension import Float
from perch.space import Space
from perch.strategies.design import DesignSearch
from perch.strategies.plan import Plan

SPACE = Space({"x": Float(0.0, 1.0), "y": Float(0.0, 1.0)}, {})


def points(seed: int, repeats: int, n: int) -> list[dict[str, float]]:
    search = DesignSearch(Plan(space=SPACE, epochs=9, seed=seed), repeats)
    return [search.suggest(k, 0.0).config for k in range(n)]


def test_every_quarter_of_the_space_gets_its_share() -> None:
    cells = [(int(4 * p["x"]), int(4 * p["y"])) for p in points(0, 1, 64)]
    assert {cells.count((i, j)) for i in range(4) for j in range(4)} == {4}


def test_repeats_stand_in_a_row() -> None:
    once, thrice = points(1, 1, 5), points(1, 3, 15)
    assert [thrice[k] for k in (0, 3, 6, 9, 12)] == once
    assert all(thrice[k] == thrice[k - k % 3] for k in range(15))


def test_another_seed_gives_another_set() -> None:
    assert points(0, 1, 8) != points(1, 1, 8)
