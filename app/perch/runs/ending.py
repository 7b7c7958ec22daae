"""What ends an attempt before its budget does: a signal, the stop file, the job's end, a newer attempt, a full disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

from perch.runs.attempt import Attempt

END_MARGIN_S = 30.0
"""Seconds before the job's end (``PERCH_END_TIME``) at which a run saves and leaves."""

KEEP_FREE_BYTES = 2_000_000
"""Below this a run saves and leaves while there is room for its last event and its tables."""


def look_for_an_end(attempt: Attempt) -> None:
    """Stop file, the job's end, a newer attempt, a full disk: each ends this one."""
    campaign = attempt.campaign
    if (stop := _stop_file(attempt)) is not None:
        campaign.end("interrupted", stop)
    end_time = os.environ.get("PERCH_END_TIME")
    if end_time and time.time() > float(end_time) - END_MARGIN_S:
        campaign.end("interrupted", "the job's time is nearly over")
    if attempt.due("superseded", 2.0) and (newer := attempt.log.superseded()) is not None:
        campaign.end("superseded", taken_over_by(newer))
    if attempt.due("disk", 2.0) and (free := free_bytes(attempt.folder.path)) is not None and free < KEEP_FREE_BYTES:
        campaign.end("full", f"the disk is full: {free / 1e6:.1f} MB are free for '{attempt.folder.path}'")


def free_bytes(path: Path) -> int | None:
    """Bytes that may still be written at a path; None where the file system does not say."""
    try:
        stats = os.statvfs(path)
    except OSError:
        return None
    return stats.f_bavail * stats.f_frsize if stats.f_blocks else None


def _stop_file(attempt: Attempt) -> str | None:
    try:
        text = attempt.folder.stop.read_text().strip()
    except OSError:
        return None
    if text and text != str(attempt.log.attempt):
        return None
    return "a stop file asked for it"


def taken_over_by(attempt: int) -> str:
    """Why a superseded attempt ends."""
    return f"attempt {attempt} has taken this run over"
