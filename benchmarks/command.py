"""The ``perch`` command as benchmarks start it: of this tree, by this interpreter."""

from __future__ import annotations

import sys
from pathlib import Path

PERCH = [sys.executable, "-m", "perch.cli.main"]


def run_command(study: Path, out: Path, run_id: str) -> list[str]:
    """``perch run STUDY --out OUT --run-id RUN_ID``."""
    return [*PERCH, "run", str(study), "--out", str(out), "--run-id", run_id]
