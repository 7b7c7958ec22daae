"""Waiting for events. No test waits for seconds to pass, so only what fails takes as long as the limit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

LIMIT_S = 900.0
"""About a hundred times what the slowest event takes on an idle machine: it holds at a load of fifteen on two cores."""

T = TypeVar("T")


def eventually(condition: Callable[[], T], what: str, limit_s: float = LIMIT_S) -> T:
    """The first true value of ``condition``, looked at often; AssertionError with ``what`` when none comes."""
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return found


def slowdown() -> float:
    """How many times longer work takes now than on an idle machine: processes that want a core, for each core; one at least.

    For promises of seconds on an idle machine, which a busy one cannot keep: ``took_s <= 5 * slowdown()``.
    """
    return max(os.getloadavg()[0] / len(os.sched_getaffinity(0)), 1.0)
