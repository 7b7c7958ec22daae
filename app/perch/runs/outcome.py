"""How a command ends: its exit codes, and what it says of its run."""

from __future__ import annotations

from dataclasses import dataclass

from perch.log.folder import RunFolder

DONE, FAILED, INTERRUPTED = 0, 1, 75
"""Exit codes of a run; 2 is bad input, before anything has started."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its run folder, exit code (0, 1 or 75), the reason, and the signals that it was sent."""

    folder: RunFolder
    code: int
    why: str
    signals: int = 0
