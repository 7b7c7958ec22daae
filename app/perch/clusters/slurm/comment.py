"""The folder of a run as one word in a job's comment: what joins queue and runs. ``batch/start.sh`` writes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote

PREFIX: Final = "perch:"
"""Written by the job itself when it begins, and by a chain when it is submitted: this is the run's folder."""

BY_SCRIPT: Final = "perch-script:"
"""Written into the script: the run's folder, unless PERCH_OUT or PERCH_RUN_ID is set from outside when it is submitted."""

TASK: Final = "$SLURM_ARRAY_TASK_ID"
_ENCODED: Final = "% |\"'"


def comment(out: str, run_id: str, prefix: str = PREFIX) -> str:
    """The job's comment for the run ``out/run_id``; signs that squeue's lines or bash would trip over are encoded."""
    path = f"{out}/{run_id}"
    return prefix + "".join(f"%{ord(sign):02X}" if sign in _ENCODED else sign for sign in path)


def folder(text: str, work_dir: str, task: str = "") -> Path | None:
    """The run's folder from a comment; a relative one lies in the folder that the job was submitted from. None for another's."""
    if not text.startswith((PREFIX, BY_SCRIPT)):
        return None
    path = unquote(text.partition(":")[2])
    if TASK in path:
        if not task.isdigit():  # tasks that wait are one line, and have a folder each
            return None
        path = path.replace(TASK, task)
    return Path(work_dir) / path
