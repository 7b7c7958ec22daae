"""What `perch compare` prints when it is interrupted, and which folder it takes."""

import os
from pathlib import Path

import pytest

from perch.compare.command import _folder
from perch.errors import PerchError
from perch.runs.resume import command_that_resumes


def test_the_command_that_resumes_is_the_one_that_was_given_with_the_comparison_named() -> None:
    given = ["compare", "my study.yaml", "--seeds", "3", "--set", "epochs=9", "--resume"]
    found = command_that_resumes(given, Path("/data/out"), "c1")
    assert found == "perch compare 'my study.yaml' --seeds 3 --set epochs=9 --run-id c1 --out /data/out"
    assert command_that_resumes([*given[:-1], "--run-id=c1", "--out", "o"], Path("/x/o"), "c1").count("c1") == 1


def test_the_folder_is_named_resumed_or_new(tmp_path: Path) -> None:
    for number, name in enumerate(("older", "newer")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plan.json").write_text("{}")
        os.utime(tmp_path / name / "plan.json", (number, number))
    assert _folder(tmp_path, "s", "c", False) == tmp_path / "c"
    assert _folder(tmp_path, "s", None, True) == tmp_path / "newer"
    assert _folder(tmp_path, "s", None, False).name.startswith("s-compare-")
    for run_id in ("", "a/b", ".."):
        with pytest.raises(PerchError, match="cannot name a folder"):
            _folder(tmp_path, "s", run_id, False)
    with pytest.raises(PerchError, match="no comparison to resume"):
        _folder(tmp_path / "older", "s", None, True)


def test_on_a_cluster_it_is_the_command_that_submits_the_job_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERCH_RESUME_COMMAND", "cd /scratch && sbatch job.sbatch")
    assert command_that_resumes(["run", "study.yaml"], Path("/data/out"), "c1") == "cd /scratch && sbatch job.sbatch"
