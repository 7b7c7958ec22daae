"""What ends an attempt before its budget does: a signal, the stop file, the job's end, a newer attempt, a full disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

from perch.campaign.campaign import Campaign
from perch.campaign.leaving import LONGEST_STAY_S
from perch.runs.attempt import Attempt

END_MARGIN_S = 30.0
"""Seconds before the job's end (``PERCH_END_TIME``) at which a run saves and leaves, when its epochs are short."""

CLOSING_S = 10.0
"""Seconds that an attempt keeps of its time for its last event and its tables."""

KEEP_FREE_BYTES = 2_000_000
"""Below this a run saves and leaves while there is room for its last event and its tables."""


def look_for_an_end(attempt: Attempt) -> None:
    """Stop file, the job's end, a newer attempt, a full disk: each ends this one."""
    campaign = attempt.campaign
    if (stop := _stop_file(attempt)) is not None:
        campaign.end("interrupted", stop, stay_s())
    left_s = job_left_s()
    if left_s is not None and left_s < _needed_s(campaign):
        campaign.end("interrupted", "the job's time is nearly over", stay_s())
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


def job_left_s() -> float | None:
    """Seconds to the end of the job, from ``PERCH_END_TIME`` (Unix time); None where it is not set."""
    end_time = os.environ.get("PERCH_END_TIME")
    return float(end_time) - time.time() if end_time else None


def stay_s() -> float | None:
    """How long an attempt that is to leave now may stay; None: not known.

    Until the end of the job (``PERCH_END_TIME``), or for the grace period that a signal is followed by
    (``PERCH_GRACE_S``), less what the attempt needs to close.
    """
    known = [s for s in (job_left_s(), _grace_s()) if s is not None]
    return max(min(known) - CLOSING_S, 0.0) if known else None


def _grace_s() -> float | None:
    grace = os.environ.get("PERCH_GRACE_S")
    return float(grace) if grace else None


def _needed_s(campaign: Campaign) -> float:
    """Seconds before the job's end at which to leave: enough for every running epoch to end, and be saved."""
    epoch_s = campaign.epoch_s or 0.0
    return min(max(1.5 * epoch_s + campaign.insurance.save_s + CLOSING_S, END_MARGIN_S), LONGEST_STAY_S)


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
