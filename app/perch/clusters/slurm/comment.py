"""The folder of a run as one word in a job's comment: what joins queue and runs. ``batch/start.sh`` writes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote

PREFIX: Final = "perch:"
TASK: Final = "$SLURM_ARRAY_TASK_ID"
_ENCODED: Final = "% |\"'"


def comment(out: str, run_id: str) -> str:
    """The job's comment for the run ``out/run_id``; signs that squeue's lines or bash would trip over are encoded."""
    path = f"{out}/{run_id}"
    return PREFIX + "".join(f"%{ord(sign):02X}" if sign in _ENCODED else sign for sign in path)


def folder(text: str, work_dir: str, task: str = "") -> Path | None:
    """The run's folder from a comment; a relative one lies in the folder that the job was submitted from. None for another's."""
    if not text.startswith(PREFIX):
        return None
    path = unquote(text.removeprefix(PREFIX))
    if TASK in path:
        if not task.isdigit():  # tasks that wait are one line, and have a folder each
            return None
        path = path.replace(TASK, task)
    return Path(work_dir) / path
