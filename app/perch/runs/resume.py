"""Which folder a run goes to, and whether it goes on with what is there."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perch.errors import RecordError, StudyError
from perch.formatting import short_path
from perch.log.events import EventLog, last_event, read
from perch.log.folder import RunFolder
from perch.log.state import State
from perch.log.study_file import load_study
from perch.runs.identity import planned_workers
from perch.runs.outcome import Outcome
from perch.runs.resolve import resolved
from perch.runs.strategy import build_strategy
from perch.study import Study

MAY_CHANGE = ("budget", "confirm", "resources", "log", "storage", "base", "versions")
"""What a resumed run may be given anew; everything else must be as the run began."""


@dataclass(frozen=True)
class Target:
    """The folder of a run, whether it holds one already, and the study as it runs there."""

    folder: RunFolder
    resuming: bool
    study: Study


def target(asked: Study, out: Path, run_id: str | None, resume: bool) -> Target:
    """Where the run goes, and whether it goes on. Raises StudyError for a run of another study."""
    if run_id is not None:
        if not run_id or "/" in run_id or run_id in (".", ".."):
            raise StudyError(
                f"--run-id '{run_id}' cannot name a folder", why="it is empty or holds a slash", fix="use a plain name"
            )
        folder = RunFolder(out / run_id)
        if folder.study.exists():
            kept = load_study(folder)
            study = resolved(asked, kept)
            same_study(study, kept, folder.id)
            return Target(folder, True, study)
        return Target(folder, False, resolved(asked))
    if resume:
        return _newest_unfinished(asked, out)
    study = resolved(asked)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    base = f"{study.name}-{study.strategy_name}-{stamp}".replace("/", "_")
    name, number = base, 1
    while (out / name).exists():
        number += 1
        name = f"{base}-{number}"
    return Target(RunFolder(out / name), False, study)


def same_study(study: Study, kept: Study, run_id: str) -> None:
    """Refuse to go on with a run of another study, naming what differs."""
    differing = differences(study, kept)
    if differing:
        raise StudyError(
            f"the run '{run_id}' is of another study",
            why=f"these differ: {', '.join(differing)}; on resume only {', '.join(MAY_CHANGE[:4])} may",
            fix="correct the study, or choose another --run-id",
        )


def differences(a: Study, b: Study) -> list[str]:
    """Top-level keys in which two resolved studies differ, those left out that may change."""
    one, two = a.model_dump(mode="json"), b.model_dump(mode="json")
    return [k for k in one if k not in MAY_CHANGE and one[k] != two[k]]


def _newest_unfinished(asked: Study, out: Path) -> Target:
    found = sorted(out.glob("*/study.yaml"), key=lambda p: p.stat().st_mtime, reverse=True) if out.is_dir() else []
    for file in found:
        folder = RunFolder(file.parent)
        with contextlib.suppress(StudyError, RecordError):
            kept = load_study(folder)
            study = resolved(asked, kept)
            if not differences(study, kept) and closed(folder) != "done":
                return Target(folder, True, study)
    raise StudyError(
        "there is nothing to resume",
        why=f"'{out}' holds no unfinished run of this study",
        fix="leave --resume out, or give --run-id",
    )


def closed(folder: RunFolder) -> str | None:
    """How the last attempt ended; None when it left no ``close`` event."""
    last = last_event(folder.events, ("close", "attempt")) if folder.events.is_dir() else None
    return str(last["why"]) if last is not None and last["e"] == "close" else None


def replay(study: Study, folder: RunFolder, log: EventLog | None = None) -> State:
    """The state that a run's log tells, with its strategy in step: what ``log`` has accepted of earlier attempts."""
    state = State(build_strategy(study, planned_workers(study, folder)), study.epochs)
    if folder.events.is_dir():
        for event in read(folder.events, None if log is None else log.accepts):
            state.apply(event)
    return state


def finished(study: Study, folder: RunFolder) -> bool:
    """True when the last attempt ended by itself and no larger budget is asked now."""
    if closed(folder) != "done" or not folder.summary.is_file():
        return False  # without a summary the record was not finished: the disk was full, say
    return not asks_for_more(last_event(folder.events, ("attempt",)) or {}, study)


def asks_for_more(before: Mapping[str, Any], study: Study) -> bool:
    """True when the study allows more than the attempt whose event is ``before``: trials, time or confirmation."""
    old, new = before.get("budget") or {}, study.budget
    larger_trials = old.get("trials") is not None and (new.trials is None or new.trials > old["trials"])
    larger_time = old.get("time") is not None and (new.time is None or new.time > old["time"])
    more_confirm = before.get("confirm") != study.confirm.model_dump() and study.confirm.top > 0
    return larger_trials or larger_time or more_confirm


def command_that_resumes(words: Sequence[str], out: Path, run_id: str) -> str:
    """``perch WORDS`` with its folder ``out/run_id`` named, unless it was; for a shell."""
    kept = [w for w in words if w != "--resume"]
    for option, value in (("--run-id", run_id), ("--out", short_path(out))):
        if not any(w == option or w.startswith(f"{option}=") for w in kept):
            kept += [option, value]
    return shlex.join(["perch", *kept])


def resume_command(outcome: Outcome) -> str:
    """The command that goes on with this run."""
    words = sys.argv[1:] if Path(sys.argv[0]).name.startswith("perch") else ["run", str(outcome.folder.study)]
    return command_that_resumes(words, outcome.folder.path.parent, outcome.folder.id)
