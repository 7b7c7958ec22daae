"""The end of an attempt: the last event, the tables, the best models, the report."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from perch.run.folder import RunFolder
from perch.run.job import DONE, FAILED, INTERRUPTED, Job, Outcome


def close(job: Job) -> Outcome:
    """Log how the attempt ended."""
    campaign = job.campaign
    if (newer := campaign.log.superseded()) is not None:  # the record is the newer attempt's, however this one ended
        campaign.ending, campaign.why = "superseded", taken_over_by(newer)
    ending, why = campaign.ending or "interrupted", campaign.why or "it ended early"
    closing = {"done": "done", "interrupted": "interrupted", "superseded": "superseded"}.get(ending, "failed")
    campaign.emit(
        e="close", why=closing, reason=why, suggesting_s=round(campaign.suggesting_s, 3), slots=campaign.worker_slots
    )
    campaign.log.sync()
    if campaign.ending == "interrupted":
        job.folder.stop.unlink(missing_ok=True)
    code = {"done": DONE, "interrupted": INTERRUPTED}.get(closing, FAILED)
    return Outcome(job.folder, code, why)


def taken_over_by(attempt: int) -> str:
    """Why a superseded attempt ends."""
    return f"attempt {attempt} has taken this run over"


@contextlib.contextmanager
def scribe_process(folder: RunFolder) -> Iterator[subprocess.Popen[bytes]]:
    """The process that turns the log into tables, TensorBoard and report while the run goes on."""
    folder.logs.mkdir(exist_ok=True)
    with (folder.logs / "scribe.log").open("ab") as log:
        command = [sys.executable, "-m", "perch.run.scribe", str(folder.path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()  # the scribe reads the rest of the log, writes all once more, and ends


def finish_record(job: Job, scribe: subprocess.Popen[bytes]) -> None:
    """Wait for the tables (writing them here if the scribe could not), then write the best models and the report."""
    from perch.record import write

    if scribe.wait() != 0:
        tail = (job.folder.logs / "scribe.log").read_text(errors="replace").splitlines()[-3:]
        print(f"perch: the scribe failed ({' / '.join(tail)}); writing the tables here", file=sys.stderr)
        write(job.folder)
    if job.campaign.ending != "done" or job.campaign.state.best is None:
        return
    if job.study.trainable_is_ours:
        from perch.run.best import write_best

        for problem in write_best(job.study, job.folder, job.cache):
            print(f"perch: {problem}", file=sys.stderr)
    if os.environ.get("PERCH_REPORT") != "0":  # a comparison reports on its runs together
        from perch.report.write import write as write_report

        write_report(job.folder.path, files=bool(job.study.log))


def prune_weights(job: Job) -> None:
    """Forget the weights of trials that have ended and no longer lead."""
    state = job.campaign.state
    for path in job.folder.weights.glob("*.pt"):
        if path.stem in state.ended and path.stem not in state.top:
            path.unlink(missing_ok=True)
