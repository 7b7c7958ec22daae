"""The sign-flip test and Holm's correction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.compare.synthetic import Truth, draw

from perch.compare.statistics.hits import Blocks
from perch.compare.statistics.incumbent import incumbent
from perch.compare.statistics.signflip import holm, sign_flip_p, swap_patterns


def test_up_to_fourteen_blocks_every_pattern_is_tried_once() -> None:
    patterns = swap_patterns(5, np.random.default_rng(0))
    assert len({tuple(p) for p in patterns}) == 32 and not patterns[0].any()


def test_ten_clear_wins_have_the_smallest_p_there_is() -> None:
    runs = {
        "rs": [incumbent([50.0 + b], [0.1]) for b in range(10)],
        "asha": [incumbent([5.0 + b], [0.1]) for b in range(10)],
    }
    p = sign_flip_p(Blocks(runs, 100.0), "asha", np.random.default_rng(0), given=[0.1])
    assert p[0] == pytest.approx(2 / 2**10)


def test_equal_runs_are_never_told_apart() -> None:
    runs = [incumbent([5.0 + b], [0.1]) for b in range(6)]
    p = sign_flip_p(Blocks({"rs": runs, "asha": runs}, 100.0), "asha", np.random.default_rng(0), given=[0.1])
    assert p[0] == 1.0


def test_targets_from_the_reference_keep_the_level() -> None:
    """Equal strategies, the target recomputed under every swap: p is at most 5 % in about 5 % of comparisons."""
    rng = np.random.default_rng(5)
    p = [sign_flip_p(draw(Truth(speed=1.0), 8, rng), "asha", rng, shares=[0.5])[0] for _ in range(400)]
    assert np.mean(np.asarray(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_holm_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(values: list[float]) -> None:
    raw = dict(enumerate(values))
    adjusted = holm(raw)
    assert all(raw[k] <= adjusted[k] <= 1 for k in raw)
    order = sorted(raw, key=lambda k: raw[k])
    assert [adjusted[k] for k in order] == sorted(adjusted.values())
