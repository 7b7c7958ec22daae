"""What a RayJob says about itself, as a value with an exit code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

INTERRUPTED = 75
"""The exit code of a run that saved its state and can go on."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The state of a RayJob.

    ``deployment`` is the operator's word (Initializing, Running, Complete, Failed, Suspended, Retrying, …; empty until
    the operator has seen it), ``job`` Ray's (PENDING, RUNNING, SUCCEEDED, FAILED, STOPPED; empty until submitted).
    """

    name: str
    deployment: str = ""
    job: str = ""
    reason: str = ""
    message: str = ""
    cluster: str = ""
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def finished(self) -> bool:
        """Nothing more will happen to it."""
        return self.deployment in {"Complete", "Failed", "ValidationFailed"}

    @property
    def succeeded(self) -> bool:
        """The command ended with exit code 0."""
        return self.deployment == "Complete" and self.job == "SUCCEEDED"

    @property
    def exit_code(self) -> int | None:
        """0 done, 1 failed, 2 bad input, 75 interrupted and resumable; None while it runs."""
        if self.deployment == "Suspended":
            return INTERRUPTED
        if not self.finished:
            return None
        if self.succeeded:
            return 0
        if self.job == "STOPPED":
            return INTERRUPTED
        code = re.search(r"exit code (-?\d+)", self.message)
        return int(code[1]) if code and int(code[1]) in {2, INTERRUPTED} else 1

    @property
    def word(self) -> str:
        """The state in one word, the same words as on Slurm."""
        if self.exit_code is not None:
            return {0: "done", 2: "refused", INTERRUPTED: "interrupted"}.get(self.exit_code, "failed")
        if self.deployment in {"", "New", "Initializing", "Waiting"}:
            return "starting"
        return {"Running": "running"}.get(self.deployment, self.deployment.lower())

    @property
    def last_lines(self) -> str:
        """The driver's last lines, which Ray puts into the message of a failure."""
        _, found, logs = self.message.partition("last available logs")
        return logs.partition(":\n")[2].strip() if found else self.message


def job_status(job: Mapping[str, Any]) -> JobStatus:
    """Read the status of a RayJob object."""
    status: Mapping[str, Any] = job.get("status") or {}
    return JobStatus(
        name=job["metadata"]["name"],
        deployment=status.get("jobDeploymentStatus", ""),
        job=status.get("jobStatus", ""),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        cluster=status.get("rayClusterName", ""),
        started=_time(status.get("startTime")),
        ended=_time(status.get("endTime")),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
