"""What the pages on strategies say, run: the ten-line loop, the simulated driver, and the whole idea on one page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.patience import LIMIT_S

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_the_ten_line_loop_and_the_simulated_driver_of_the_protocol_page_work() -> None:
    loop, own, simulated = blocks("protocol.md")
    told: list[tuple[int, float]] = []

    def train(config: dict[str, float], epoch: int) -> float:
        told.append((epoch, config["lr"]))
        return config["lr"] + 1 / epoch

    names: dict[str, object] = {"train": train}
    exec(loop, names)
    assert names["number"] == 50
    assert 50 < len(told) < 50 * 27
    exec(loop.split("number = 0")[0], names)
    exec(
        "from perch.strategies.searchers.random import RandomSearch\nplan = Plan(space, epochs=27, trials=50, seed=0)",
        names,
    )
    exec(simulated, names)
    exec("my_searcher = RandomSearch(plan)\n" + own, names)


def test_the_whole_idea_on_one_page_prints_what_is_printed_beside_it() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "mini_asha.py")], capture_output=True, text=True, check=True, timeout=LIMIT_S
    )
    assert done.stdout == (DOCS / "mini_asha.out").read_text()
