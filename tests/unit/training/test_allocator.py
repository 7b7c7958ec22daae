"""Freed memory is kept: arrays that are made and freed at every step cost no pages after the first."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from perch.training.allocator import keep_freed_memory

kept = keep_freed_memory() if sys.argv[1] == "kept" else None
def step():
    arrays = [np.ones(2_000_000, dtype=np.float32) for _ in range(4)]  # 8 MB each
    return sum(float(a[0]) for a in arrays)
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str, **env: str) -> tuple[str, int]:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], env={**own, **env}, capture_output=True, text=True, check=True
    ).stdout.split()
    return said[0], int(said[1])


def test_steps_fault_no_pages_in_again() -> None:
    kept, with_it = faults("kept")
    if kept == "False":
        pytest.skip("another C library than glibc")
    _, without = faults("as it comes")
    assert with_it * 4 < without


def test_what_the_user_has_set_stays() -> None:
    assert faults("kept", MALLOC_TRIM_THRESHOLD_="100000")[0] == "False"
