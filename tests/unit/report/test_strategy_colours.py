from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perch.report.strategy_colours import FIXED, OTHERS, strategy_colours


@given(st.lists(st.sampled_from([*FIXED, "tpe", "gp", "asha+checkpoints=all", "mine"]), max_size=9), st.randoms())
def test_colours_do_not_depend_on_order_and_differ(names: list[str], random: object) -> None:
    colours = strategy_colours(names)
    assert colours == strategy_colours(reversed(names))
    assert len(set(colours.values())) == len(set(names))


def test_a_strategy_keeps_its_colour_whatever_it_is_compared_with() -> None:
    assert strategy_colours(["asha", "rs"])["asha"] == strategy_colours(["asha", "asha-bo", "asha-gp"])["asha"]


def test_more_strategies_than_colours_are_all_drawn() -> None:
    assert len(strategy_colours([f"s{k}" for k in range(3 * len(OTHERS))])) == 3 * len(OTHERS)
