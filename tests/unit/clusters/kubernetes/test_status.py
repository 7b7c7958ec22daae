"""A RayJob's state as a word and an exit code, the same as on Slurm."""

from __future__ import annotations

import pytest

from perch.clusters.kubernetes.status import job_status

from .conftest import rayjob

FAILED = "Job entrypoint command failed with exit code {}, last available logs (truncated to 20,000 chars):\nbye"


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [
        ({}, "starting", None),
        ({"jobDeploymentStatus": "Initializing"}, "starting", None),
        ({"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"}, "running", None),
        ({"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}, "done", 0),
        ({"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "message": FAILED.format(1)}, "failed", 1),
        ({"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "message": FAILED.format(2)}, "refused", 2),
        ({"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "message": FAILED.format(75)}, "interrupted", 75),
        ({"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "message": FAILED.format(-9)}, "failed", 1),
        ({"jobDeploymentStatus": "Failed", "reason": "DeadlineExceeded", "message": "passed"}, "failed", 1),
        ({"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"}, "interrupted", 75),
        ({"jobDeploymentStatus": "Suspended"}, "interrupted", 75),
        ({"jobDeploymentStatus": "Retrying"}, "retrying", None),
    ],
)
def test_word_and_exit_code(status: dict[str, str], word: str, code: int | None) -> None:
    read = job_status(rayjob("oh", **status))
    assert (read.word, read.exit_code) == (word, code)


def test_last_lines_are_the_drivers_own() -> None:
    assert job_status(rayjob("oh", message=FAILED.format(1))).last_lines == "bye"
    assert job_status(rayjob("oh", message="The RayJob has passed")).last_lines == "The RayJob has passed"
