"""One rehearsed run, and many: the same seed gives the same log, whichever process makes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from tests.patience import LIMIT_S
from tests.unit.rehearse.made import table

from perch.rehearse.many import rehearse_all
from perch.rehearse.run import BEST, Setting, events, rehearse
from perch.rehearse.variants import variants
from perch.simulate import Delays

SETTING = Setting(4, 200.0, Delays(start_s=1.0, turnover_s=0.5))


@pytest.mark.parametrize("name", ["rs", "asha", "ahb", "median", "asha-promote", "pasha", "topk"])
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


def test_the_processes_end_with_the_one_that_asked_for_them(tmp_path: Path) -> None:
    """Killed without a chance to clean up, it leaves nobody behind who waits or computes."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, psutil\n"
        "from tests.unit.rehearse.made import table\n"
        "from perch.rehearse.many import rehearse_all\nfrom perch.rehearse.run import Setting\n"
        "from perch.rehearse.variants import variants\nfrom perch.simulate import Delays\n"
        "def done(n, of):\n"
        "    print(*(c.pid for c in psutil.Process().children(recursive=True)), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "if __name__ == '__main__':\n"
        "    rehearse_all(table(), variants(['rs']), range(64), Setting(2, 100.0, Delays()), processes=2, done=done)\n"
    )
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "app"), str(root)])}
    ended = subprocess.run(
        [sys.executable, program], env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert ended.returncode == -9, ended.stderr
    children = [psutil.Process(int(pid)) for pid in ended.stdout.split() if psutil.pid_exists(int(pid))]
    _, alive = psutil.wait_procs(children, timeout=LIMIT_S)
    assert len(ended.stdout.split()) >= 3  # two that rehearse, and their server
    assert alive == []


def test_progress_is_said() -> None:
    seen: list[tuple[int, int]] = []
    rehearse_all(table(), variants(["rs"]), range(3), SETTING, processes=1, done=lambda n, of: seen.append((n, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
