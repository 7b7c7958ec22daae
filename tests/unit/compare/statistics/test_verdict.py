"""When a comparison may say 'faster', and what it says when it cannot."""

import numpy as np
import pytest
from tests.unit.compare.synthetic import Truth, draw

from perch.compare.statistics.analysis import analyse, wilson
from perch.compare.statistics.hits import Blocks
from perch.compare.statistics.incumbent import incumbent
from perch.compare.statistics.reach import check_reach, reachable, smallest_p
from perch.compare.statistics.signflip import sign_flip_p
from perch.compare.statistics.verdict import blocks_needed, looks, more_blocks, verdict
from perch.errors import StudyError

LOGS = np.array([0.5, 0.7, 0.6, 0.4])


def test_looks_at_ten_and_twenty_blocks_and_at_no_other_number() -> None:
    assert [looks(n) for n in (9, 10, 19, 20, 27)] == [[], [10], [10], [10, 20], [10, 20]]
    assert looks(27, planned=50) == [10] and looks(50, planned=50) == [10, 50]


def test_under_ten_blocks_there_is_no_verdict() -> None:
    assert verdict("asha", "rs", 7, {}, {}, LOGS).says == "no verdict"


def test_the_level_is_halved_between_the_looks() -> None:
    assert verdict("asha", "rs", 10, {10: 0.03}, {10: 1.0}, LOGS).says == "cannot tell"
    assert verdict("asha", "rs", 10, {10: 0.02}, {10: 1.0}, LOGS).says == "faster"
    assert verdict("asha", "rs", 20, {10: 0.2, 20: 0.02}, {10: 1.0, 20: -1.0}, LOGS).says == "slower"


def test_cannot_tell_comes_with_a_number_of_blocks() -> None:
    logs = 0.7 + (logs := np.random.default_rng(0).normal(0.0, 1.0, 10)) - logs.mean()
    found = verdict("asha", "rs", 10, {10: 0.4}, {10: 0.3}, logs)
    assert found.more_blocks == 10 and "about 10 more blocks would" in found.sentence, "the next look is at twenty"
    weaker = verdict("asha", "rs", 10, {10: 0.4}, {10: 0.3}, logs - 0.4)
    assert weaker.more_blocks is None
    assert "a new comparison planned with about" in weaker.sentence, "there is no look between twenty and so many"


def test_holms_correction_asks_for_more_blocks() -> None:
    logs = np.array([1.5, 0.1] * 5)
    alone, of_many = blocks_needed(logs), blocks_needed(logs, comparisons=24)
    assert alone is not None and of_many is not None and of_many > 1.4 * alone


def test_after_the_last_look_only_a_new_comparison_can_tell() -> None:
    logs = np.array([1.5, -0.4] * 10)
    found = verdict("asha", "rs", 20, {10: 0.4, 20: 0.1}, {10: 0.3, 20: 0.3}, logs)
    assert found.more_blocks is None and "a new comparison" in found.sentence


@pytest.mark.parametrize(("blocks", "comparisons"), [(10, 3), (10, 12), (20, 24), (20, 200)])
def test_the_smallest_p_is_what_a_difference_in_every_block_gives(blocks: int, comparisons: int) -> None:
    """The test itself, on runs of which one strategy is twice as fast in each block."""
    slow = [incumbent([float(10 + b)], [0.4]) for b in range(blocks)]
    fast = [incumbent([float(10 + b) / 2], [0.4]) for b in range(blocks)]
    pair = Blocks({"rs": slow, "asha": fast}, 1000.0)
    [p] = sign_flip_p(pair, "asha", np.random.default_rng(0), given=[0.4])
    assert p <= smallest_p(blocks) * 1.2
    assert bool(p * comparisons <= 0.025) is reachable(blocks, comparisons)


@pytest.mark.parametrize(
    ("strategies", "targets", "seeds", "least"), [(9, 0, 10, 20), (9, 0, 12, 20), (6, 0, 10, 20), (3, 8, 10, 20)]
)
def test_a_design_that_can_give_no_verdict_is_refused_with_the_smallest_that_can(
    strategies: int, targets: int, seeds: int, least: int
) -> None:
    with pytest.raises(StudyError) as refused:
        check_reach(seeds, strategies, targets)
    assert f"--seeds {least}" in (refused.value.fix or "")
    check_reach(least, strategies, targets)


def test_designs_that_can_are_offered_and_so_are_those_that_ask_for_none() -> None:
    check_reach(10, 3, 0)
    check_reach(10, 5, 0)
    check_reach(3, 9, 0)


def test_runs_that_exist_and_can_give_no_verdict_are_said_to() -> None:
    runs = {"rs": [incumbent([float(10 + b)], [0.4]) for b in range(10)]}
    runs |= {f"s{k}": [incumbent([float(10 + b) / 50], [0.4]) for b in range(10)] for k in range(13)}
    found = analyse(Blocks(runs, 1000.0), given=[0.4], resamples=2, curve=False)
    assert {c.verdict.says for c in found.contrasts} == {"no verdict"}
    assert "20 blocks would" in found.contrasts[0].verdict.sentence


def test_that_number_shows_the_difference_four_times_in_five() -> None:
    """Comparisons with so many blocks, drawn with the difference that the first ten showed, judged as every comparison is."""
    rng, mean, deviation = np.random.default_rng(1), 0.5, 1.0
    sample = rng.normal(size=10)
    sample = mean + deviation * (sample - sample.mean()) / sample.std(ddof=1)
    n = blocks_needed(sample) or 0
    assert more_blocks(sample) == (None, n)
    says = []
    for seed in range(120):
        seconds = 100 * np.exp(rng.normal(mean, deviation, n))
        runs = {"rs": [incumbent([float(s)], [0.4]) for s in seconds], "asha": [incumbent([100.0], [0.4])] * n}
        found = analyse(Blocks(runs, 1e6), given=[0.4], seed=seed, planned=n, resamples=2, curve=False)
        says.append(found.contrasts[0].verdict.says)
    assert set(says) <= {"faster", "cannot tell"}
    assert np.mean([word == "faster" for word in says]) == pytest.approx(0.8, abs=0.06)


def test_no_difference_needs_more_blocks_than_anyone_has() -> None:
    assert more_blocks(np.array([1.0, -1.0, 1.0, -1.001])) == (None, None)


def test_a_large_difference_is_found_and_named() -> None:
    found = analyse(draw(Truth(speed=8.0), 10, np.random.default_rng(0)), curve=False)
    assert [c.verdict.says for c in found.contrasts] == ["faster"] * 3
    assert all(c.before.probability >= 0.8 for c in found.contrasts)


def test_a_target_that_nobody_reaches_is_set_aside_and_said() -> None:
    runs = {name: [incumbent([5.0 + b], [0.4]) for b in range(3)] for name in ("rs", "asha")}
    found = analyse(Blocks(runs, 100.0), given=[0.5, 0.1])
    assert [t.value for t in found.unreachable] == [0.1] and len(found.contrasts) == 1


def test_ties_count_half_in_the_order_of_two_strategies() -> None:
    runs = {"rs": [incumbent([t], [0.4]) for t in (5.0, 7.0)], "asha": [incumbent([t], [0.4]) for t in (5.0, 6.0)]}
    found = analyse(Blocks(runs, 100.0), given=[0.5])
    assert found.contrasts[0].before.probability == 0.75


def test_wilson_never_leaves_nought_and_one() -> None:
    assert wilson(10, 10).high == 1.0 and wilson(10, 10).low == pytest.approx(0.722, abs=0.001)


def test_the_test_error_stands_beside_the_time_and_decides_nothing() -> None:
    def block(test: float) -> Blocks:
        runs = {"rs": [incumbent([9.0], [0.4], [0.5])] * 2, "asha": [incumbent([3.0], [0.4], [test])] * 2}
        return Blocks(runs, 100.0)

    good, bad = (analyse(block(test), given=[0.4]).contrasts[0] for test in (0.1, 9.0))
    assert (good.test_at_solution, bad.test_at_solution) == (0.1, 9.0)
    assert good.ratio == bad.ratio and good.p_value == bad.p_value


def test_a_clear_order_with_an_open_size_is_said_to_be_that() -> None:
    """Sooner by a hair in every block but one, which misses: who is first is clear, the ratio of runtimes is not."""
    rs = [incumbent([50.0 + b], [0.4]) for b in range(12)]
    asha = [incumbent([49.0 + b], [0.4]) for b in range(11)] + [incumbent([49.0], [0.5])]
    found = analyse(Blocks({"rs": rs, "asha": asha}, 100.0), given=[0.4], planned=10).contrasts[0]
    assert found.verdict.says == "faster" and "by how much is open" in found.verdict.sentence
    assert found.ratio.low is not None and found.ratio.low < 1
    clear = analyse(Blocks({"rs": rs, "asha": [incumbent([5.0], [0.4])] * 12}, 100.0), given=[0.4]).contrasts[0]
    assert clear.verdict.says == "faster" and "open" not in clear.verdict.sentence
