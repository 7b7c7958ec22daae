"""What ends an attempt before its budget does: a signal, the stop file, the job's end, a newer attempt."""

from __future__ import annotations

import os
import time

from perch.runs.attempt import Attempt

END_MARGIN_S = 30.0
"""Seconds before the job's end (``PERCH_END_TIME``) at which a run saves and leaves."""


def look_for_an_end(attempt: Attempt) -> None:
    """Stop file, the job's end, a newer attempt: each ends this one."""
    campaign = attempt.campaign
    if (stop := _stop_file(attempt)) is not None:
        campaign.end("interrupted", stop)
    end_time = os.environ.get("PERCH_END_TIME")
    if end_time and time.time() > float(end_time) - END_MARGIN_S:
        campaign.end("interrupted", "the job's time is nearly over")
    if attempt.due("superseded", 2.0) and (newer := attempt.log.superseded()) is not None:
        campaign.end("superseded", taken_over_by(newer))


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
