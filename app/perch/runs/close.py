"""The end of an attempt: how it ended, the last event, the tables, the best models, the report."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace

from perch.campaign.campaign import Campaign
from perch.errors import PerchError
from perch.formatting import duration, gist
from perch.log.state import State
from perch.runs.attempt import Attempt
from perch.runs.ending import taken_over_by
from perch.runs.outcome import ENDINGS, Outcome
from perch.training.failure import classify
from perch.vocabulary import STORAGE


def how_it_ended(campaign: Campaign) -> tuple[str, str]:
    """The row of ``ENDINGS`` and the reason. What ended by itself is done only if it has something to show."""
    if campaign.ending != "done":
        return campaign.ending or "interrupted", campaign.why or "it ended early"
    state = campaign.state
    counts, waiting = state.counts, sum(t.status == "paused" for t in state.live.values())
    failed = counts["failed"]
    if failed > waiting and failed == counts.total():
        all_of = f"all {failed} trials" if not waiting else f"{failed} of {failed + waiting} trials"
        first = f"; the first with: {gist(state.failed_examples[0])}" if state.failed_examples else ""
        return "all_failed", f"{all_of} failed{first}"
    if state.best is not None:
        return "done", campaign.why
    if campaign.time_is_up and not counts.total():
        took = duration(campaign.rules.time_s)
        return (
            "short",
            f"the time budget of {took} was used up before a trial reported a result; Ray's start counts too",
        )
    ended = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    return "nothing", f"no trial reported a result ({ended or 'none was started'})"


def end_by(campaign: Campaign, error: BaseException, where: str) -> None:
    """Note an error of Perch, Ray or the file system as what ended a run; ``where``: its folder."""
    if isinstance(error, KeyboardInterrupt):
        campaign.end("interrupted", "SIGINT")
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        limit = "the disk is full" if error.errno == errno.ENOSPC else "the disk quota is used up"
        campaign.overrule("full", f"{limit}: '{where}' takes nothing more")
    elif isinstance(error, OSError) and classify(error).failure == STORAGE:
        campaign.overrule("storage", f"'{where}' cannot be written: {error.strerror}")
    elif isinstance(error, PerchError):
        campaign.end("failed", str(error))
    else:
        campaign.end("failed", f"{type(error).__name__}: {error}")


def close(attempt: Attempt) -> Outcome:
    """Log how the attempt ended."""
    campaign = attempt.campaign
    if (newer := attempt.log.superseded()) is not None:  # the record is the newer attempt's, however this one ended
        campaign.overrule("superseded", taken_over_by(newer))
    ending, why = how_it_ended(campaign)
    campaign.overrule(ending, why)
    attempt.log.free_reserve()
    try:
        campaign.abandon()
        campaign.emit(
            e="close", why=ENDINGS[ending].state, reason=why, suggesting_s=round(campaign.suggesting_s, 3),
            slots=campaign.worker_slots,
        )  # fmt: skip
        attempt.log.sync()
    except OSError as error:  # the next attempt does without this event; people must still hear of it
        end_by(campaign, error, str(attempt.folder.path))
        ending, why = campaign.ending or ending, campaign.why
    if ending == "interrupted":
        attempt.folder.stop.unlink(missing_ok=True)
    return Outcome(attempt.folder, ending, why, kept=kept(campaign.state), trial=first_failed(campaign.state))


def kept(state: State) -> str:
    """What the log of a run holds, in words."""
    return f"{state.results} results of {state.started} trials"


def first_failed(state: State) -> str:
    """The trial that failed first; empty where none has."""
    return next((name for name, trial in state.ended.items() if trial.status == "failed"), "")


def finish_record(attempt: Attempt, outcome: Outcome, writer: subprocess.Popen[bytes]) -> Outcome:
    """Wait for the tables (writing them here if the writer could not), then write the best models and the report.

    Returns how the attempt ended: otherwise than ``outcome`` says where the disk does not take the record.
    """
    with attempt.steps.step("writing the tables"):
        broken = writer.wait() != 0
    try:
        if outcome.ending in ("full", "storage"):
            _write_what_fits(attempt)
        else:
            _finish(attempt, outcome, broken)
    except OSError as error:
        if classify(error).failure != STORAGE:
            raise
        attempt.folder.summary.unlink(missing_ok=True)  # it is not of this end; what reads the run next makes it anew
        end_by(attempt.campaign, error, str(attempt.folder.path))
        return replace(outcome, ending=attempt.campaign.ending or "storage", why=attempt.campaign.why)
    return outcome


def _write_what_fits(attempt: Attempt) -> None:
    """Tables may be too large for what is left of the disk; the summary, which says how the run stands, is small."""
    from perch.record import write, write_summary

    try:
        write(attempt.folder)
    except OSError:
        write_summary(attempt.folder)


def _finish(attempt: Attempt, outcome: Outcome, broken: bool) -> None:
    from perch.record import write

    if broken:
        tail = (attempt.folder.logs / "writer.log").read_text(errors="replace").splitlines()[-3:]
        print(f"perch: the writer failed ({' / '.join(tail)}); writing the tables here", file=sys.stderr)
        write(attempt.folder)
    if outcome.ending != "done" or attempt.campaign.state.best is None:
        return
    with attempt.steps.step("writing the best weights"):
        problems = _write_best(attempt)
    for problem in problems:
        print(f"perch: {problem}", file=sys.stderr)
    if os.environ.get("PERCH_REPORT") != "0":  # a comparison reports on its runs together
        with attempt.steps.step("writing the report"):
            from perch.report.write import write as write_report

            write_report(attempt.folder.path, files=bool(attempt.study.log))


def _write_best(attempt: Attempt) -> list[str]:
    """``best/``; returns what must be said of it, in words."""
    study, folder = attempt.study, attempt.folder
    if study.trainable_is_ours:
        from perch.best.models import write_best

        return write_best(study, folder, attempt.data.cache)
    from perch.best.copied import write_copied

    if study.program is not None:
        return write_copied(folder, saves=study.program.checkpoint is not None)
    paths = sorted(attempt.campaign.state.paths.items())
    reported = {trial: (path, epoch) for (trial, _, epoch), path in paths if folder.has(path)}
    return write_copied(folder, saves=attempt.kind.keeps_weights, reported=reported)
