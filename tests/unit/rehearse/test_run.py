"""One rehearsed run, and many: the same seed gives the same log, whichever process makes it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.unit.rehearse.made import table

from perch.rehearse.many import rehearse_all
from perch.rehearse.run import BEST, Setting, events, rehearse
from perch.rehearse.variants import variants
from perch.simulate import Delays

SETTING = Setting(4, 200.0, Delays(start_s=1.0, turnover_s=0.5))


@pytest.mark.parametrize("name", ["rs", "asha", "ahb", "median", "asha-promote"])
def test_equal_seeds_give_equal_bytes_and_others_do_not(name: str) -> None:
    made, (variant,) = table(noise=0.05), variants([name])

    def log(seed: int) -> str:
        return "\n".join(json.dumps(e) for e in events(made, variant, seed, SETTING))

    assert log(0) == log(0)
    assert log(0) != log(1)


def test_every_strategy_meets_the_same_configurations() -> None:
    made = table()
    met = [
        [e["config"] for e in events(made, v, 5, SETTING) if e["e"] == "trial"][:20] for v in variants(["rs", "asha", "ahb"])
    ]  # fmt: skip
    assert met[0] == met[1] == met[2]


def test_counts_and_staircase_are_those_of_the_log() -> None:
    made, (variant,) = table(noise=0.05), variants(["asha"])
    log = list(events(made, variant, 0, SETTING))
    run = rehearse(made, variant, 0, SETTING)
    results = [e for e in log if e["e"] == "result"]
    assert run.trials == sum(e["e"] == "trial" for e in log) == run.reached.sum()
    assert run.epochs == len(results)
    assert run.incumbent.best == min(e["value"] for e in results)
    last = {e["id"]: e["epoch"] for e in results}
    assert run.reached[9] == sum(epoch == 9 for epoch in last.values())
    half_s = SETTING.time_s / 2
    assert run.incumbent.at(half_s) == min(e["value"] for e in results if e["used_s"] <= half_s)
    best: dict[str, float] = {}
    for event in results:
        best[event["id"]] = min(event["value"], best.get(event["id"], np.inf))
    six = sorted(best.values())[:BEST]
    assert run.best_mean[-1] == pytest.approx(np.mean(six) + 0.1)  # the tests lie 0.1 above
    assert run.best_deviation[-1] == pytest.approx(np.std(six, ddof=1))


def test_processes_change_nothing() -> None:
    made, asked = table(noise=0.05), variants(["rs", "asha"])
    alone = rehearse_all(made, asked, range(6), SETTING, processes=1)
    together = rehearse_all(made, asked, range(6), SETTING, processes=2)
    for label, runs in alone.items():
        assert [r.seed for r in together[label]] == list(range(6))
        for one, other in zip(runs, together[label], strict=True):
            assert np.array_equal(one.incumbent.value, other.incumbent.value)
            assert np.array_equal(one.incumbent.time_s, other.incumbent.time_s)
            assert one.trials == other.trials


def test_progress_is_said() -> None:
    seen: list[tuple[int, int]] = []
    rehearse_all(table(), variants(["rs"]), range(3), SETTING, processes=1, done=lambda n, of: seen.append((n, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
