"""What strategies did with equal time."""

import json
from pathlib import Path

import pytest
from tests.unit.compare.records import blocks_of, made_up

from perch.compare.outcome import conclude
from perch.compare.runs.gather import gather
from perch.compare.statistics.work import paired_ratio, work


def test_a_strategy_that_stops_early_tries_more_with_equal_epochs() -> None:
    rs, asha = work(gather(blocks_of(10)))
    assert (rs.strategy, asha.strategy) == ("rs", "asha") and rs.trials_ratio is None
    assert rs.epochs == asha.epochs == 100.0 and asha.epochs_ratio is not None and asha.epochs_ratio.value == 1.0
    assert rs.trials == 12.0 and asha.trials > 1.5 * rs.trials
    assert asha.trials_ratio is not None and asha.trials_ratio.low is not None and asha.trials_ratio.low > 1.5
    assert rs.best_in_blocks + asha.best_in_blocks == 10 and asha.best_in_blocks > rs.best_in_blocks
    assert sum(rs.shares.values()) == pytest.approx(1.0) and rs.shares["idle"] == pytest.approx(0.08)


def test_only_what_was_reported_within_the_common_budget_counts() -> None:
    longer = made_up("asha", 0, budget_s=150.0)
    rs, asha = work(gather([("rs", made_up("rs", 0)), ("asha", longer)], budget_s=100.0))
    assert rs.epochs == asha.epochs == 100.0


def test_a_tie_is_shared() -> None:
    same = [("rs", made_up("rs", 0)), ("copy", made_up("rs", 0))]
    assert [w.best_in_blocks for w in work(gather(same))] == [0.5, 0.5]


def test_one_block_has_a_ratio_and_no_interval_and_nothing_done_has_no_ratio() -> None:
    one = paired_ratio([6], [3])
    assert one is not None and (one.value, one.low) == (pytest.approx(2.0), None) and str(one) == "2.00x"
    assert paired_ratio([6, 0], [3, 3]) is None


def test_it_is_said_and_kept(tmp_path: Path) -> None:
    lines = conclude(blocks_of(3), tmp_path, figures=False)
    kept = {w["strategy"]: w for w in json.loads((tmp_path / "comparison.json").read_text())["work"]}
    assert any(line.startswith("rs: 12 trials and 100 epochs a run; best in ") for line in lines)
    assert any(line.startswith("asha: ") and "x [" in line and "the trials of rs" in line for line in lines)
    assert kept["asha"]["trials_ratio"]["value"] > 1 and kept["rs"]["trials_ratio"] is None
