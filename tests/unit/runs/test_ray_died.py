"""When a private Ray is killed the command leaves at once, with what its log holds in the tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
from tests.patience import LIMIT_S
from tests.unit.hand_made import result, run_folder, start, study, trial

SCRIPT = """
import atexit, sys
from pathlib import Path
from types import SimpleNamespace
from perch.log.folder import RunFolder
from perch.runs.drive import _ray_died

class Log:
    def sync(self):
        print("synced", flush=True)

atexit.register(lambda: print("left by the ordinary way", flush=True))
_ray_died(SimpleNamespace(folder=RunFolder(Path(sys.argv[1])), log=Log(), campaign=SimpleNamespace(log=Log())), "raylet")
print("came back", flush=True)
"""


def test_what_was_reported_is_in_the_tables_and_the_command_that_resumes_is_said(tmp_path: Path) -> None:
    """The main thread is stuck in Ray, so the process ends without it: no exit handler runs that would wait for Ray."""
    events = (trial("00000", {"x": 0.1}, 1.0), start("00000", 1.0), result("00000", 1, 0.5, 2.0))
    folder = run_folder(tmp_path / "r", study(), events)
    script = tmp_path / "program.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(folder.path)], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 75, done.stderr
    assert done.stdout.split() == ["synced"]
    said, fix = done.stderr.splitlines()
    assert said == "perch: Ray's raylet was killed; what was reported is kept"
    assert fix.startswith("  fix: perch run ") and "--run-id r" in fix and str(tmp_path) in fix
    assert pd.read_parquet(folder.curves)["value"].tolist() == [0.5]
    assert folder.summary.is_file() and folder.trials.is_file()
