from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.best.small_run import SmallRun
from tests.unit.small_structures import *  # noqa: F403 - the fixtures of a small data set


@pytest.fixture
def small(tmp_path: Path, structures: list[Any]) -> SmallRun:
    return SmallRun(tmp_path / "small", structures)


@pytest.fixture
def raced(small: SmallRun) -> SmallRun:
    """The search's best, which was stopped early, is beaten by another configuration over two fresh seeds each."""
    small.train("00000", 0.01, [0.1])
    small.train("00001", 0.02, [0.5, 0.4, 0.3])
    small.events.append({"e": "confirm", "trials": ["00000", "00001"], "start": "00000", "used_s": 5.0})
    for repeat, (first, second) in enumerate([(0.6, 0.30), (0.65, 0.34)], 1):
        small.fresh("00000", repeat, 0.01, first)
        small.fresh("00001", repeat, 0.02, second)
    small.finish()
    return small
