"""The end of an attempt: the last event, the tables, the best models, the report."""

from __future__ import annotations

import os
import subprocess
import sys

from perch.runs.attempt import Attempt
from perch.runs.ending import taken_over_by
from perch.runs.outcome import DONE, FAILED, INTERRUPTED, Outcome


def close(attempt: Attempt) -> Outcome:
    """Log how the attempt ended."""
    campaign = attempt.campaign
    if (newer := attempt.log.superseded()) is not None:  # the record is the newer attempt's, however this one ended
        campaign.ending, campaign.why = "superseded", taken_over_by(newer)
    campaign.abandon()
    ending, why = campaign.ending or "interrupted", campaign.why or "it ended early"
    closing = {"done": "done", "interrupted": "interrupted", "superseded": "superseded"}.get(ending, "failed")
    campaign.emit(
        e="close", why=closing, reason=why, suggesting_s=round(campaign.suggesting_s, 3), slots=campaign.worker_slots
    )
    attempt.log.sync()
    if campaign.ending == "interrupted":
        attempt.folder.stop.unlink(missing_ok=True)
    code = {"done": DONE, "interrupted": INTERRUPTED}.get(closing, FAILED)
    return Outcome(attempt.folder, code, why)


def finish_record(attempt: Attempt, writer: subprocess.Popen[bytes]) -> None:
    """Wait for the tables (writing them here if the writer could not), then write the best models and the report."""
    from perch.record import write

    if writer.wait() != 0:
        tail = (attempt.folder.logs / "writer.log").read_text(errors="replace").splitlines()[-3:]
        print(f"perch: the writer failed ({' / '.join(tail)}); writing the tables here", file=sys.stderr)
        write(attempt.folder)
    if attempt.campaign.ending != "done" or attempt.campaign.state.best is None:
        return
    if attempt.study.trainable_is_ours:
        from perch.best.models import write_best

        for problem in write_best(attempt.study, attempt.folder, attempt.cache):
            print(f"perch: {problem}", file=sys.stderr)
    if os.environ.get("PERCH_REPORT") != "0":  # a comparison reports on its runs together
        from perch.report.write import write as write_report

        write_report(attempt.folder.path, files=bool(attempt.study.log))
