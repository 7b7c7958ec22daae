"""When a private Ray is killed the command leaves at once, with what its log holds in the tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
from tests.patience import LIMIT_S
from tests.unit.hand_made import study

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.study import dump

SCRIPT = """
import atexit, sys, time
from pathlib import Path
from perch.log.folder import RunFolder
from perch.runs.attempt import open_attempt
from perch.runs.drive import _ray_died
from perch.runs.resume import Target
from perch.study import load
from perch.trainables import Data

study = load(sys.argv[1])
attempt = open_attempt(Target.at(RunFolder(Path(sys.argv[2])), study), Data(None, study, Path()), None, time.monotonic())
placement = attempt.campaign.next_placement(0)
attempt.campaign.result(placement.trial, placement.segment, 1, {"loss": 0.5})
atexit.register(lambda: print("left by the ordinary way", flush=True))
_ray_died(attempt, "raylet")
print("came back", flush=True)
"""


def test_what_was_reported_is_in_the_tables_and_the_command_that_resumes_is_said(tmp_path: Path) -> None:
    """The main thread is stuck in Ray, so the process ends without it: no exit handler runs that would wait for Ray."""
    (tmp_path / "study.yaml").write_text(dump(study(strategy="rs", trainable="builtins:print")))
    script = tmp_path / "program.py"
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), str(tmp_path / "study.yaml"), str(tmp_path / "r")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 75, done.stderr
    assert done.stdout == ""
    said = done.stderr
    assert "interrupted: Ray's raylet was killed" in said and "1 results of 1 trials" in said
    assert "perch run " in said and "--run-id r" in said and "Traceback" not in said
    folder = RunFolder(tmp_path / "r")
    last = list(read(folder.events))[-1]
    assert (last["e"], last["why"], last["reason"]) == ("close", "interrupted", "raylet")
    assert pd.read_parquet(folder.curves)["value"].tolist() == [0.5]
    assert pd.read_parquet(folder.trials)["status"].tolist() == ["interrupted"] and folder.summary.is_file()
