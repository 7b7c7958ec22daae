"""Which folder a run goes to, whether it goes on with what is there, and what holds for all of its attempts."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.errors import RecordError, StudyError
from perch.formatting import short_path
from perch.log.earlier import Earlier, earlier
from perch.log.events import EventLog, read
from perch.log.folder import RunFolder
from perch.log.state import State
from perch.log.study_file import load_study
from perch.runs.outcome import Outcome
from perch.runs.resolve import resolved
from perch.runs.strategy import build_strategy, expected_workers
from perch.study import Budget, Study
from perch.trainables import Kind, kind_of

if TYPE_CHECKING:
    from perch.data.prepare import Prepared

MAY_CHANGE = ("budget", "confirm", "resources", "log", "storage", "base", "versions")
"""What a resumed run may be given anew; everything else must be as the run began."""


@dataclass(frozen=True)
class Target:
    """Where a run goes, the study as it runs there, and what earlier attempts left."""

    folder: RunFolder
    study: Study
    """With the budget that holds: what was changed by hand stands, unless the command now allows something else than it did before."""
    earlier: Earlier
    asked: Mapping[str, Any]
    """The budget that the command allows."""

    @classmethod
    def at(cls, folder: RunFolder, study: Study) -> Target:
        """The target that a resolved study has in a folder, with what its log says of earlier attempts."""
        found, asked = earlier(folder.events), study.budget.model_dump()
        if asked == found.last.get("asked") and asked != found.last["budget"]:
            study = study.model_copy(update={"budget": Budget(**found.last["budget"])})
        return cls(folder, study, found, asked)

    @property
    def kind(self) -> Kind:
        """What the run trains."""
        return kind_of(self.study)


def target(asked: Study, out: Path, run_id: str | None, resume: bool) -> Target:
    """Where the run goes, and whether it goes on. Raises StudyError for a run of another study."""
    folder = (
        _named(out, run_id) if run_id is not None else _newest_unfinished(asked, out) if resume else _new(asked, out)
    )
    kept = load_study(folder) if folder.study.exists() else None
    study = resolved(asked, kept)
    if kept is not None:
        same_study(study, kept, folder.id)
    return Target.at(folder, study)


def _named(out: Path, run_id: str) -> RunFolder:
    if not run_id or "/" in run_id or run_id in (".", ".."):
        raise StudyError(
            f"--run-id '{run_id}' cannot name a folder", why="it is empty or holds a slash", fix="use a plain name"
        )
    return RunFolder(out / run_id)


def _new(asked: Study, out: Path) -> RunFolder:
    """A folder that is not there yet, named by study, strategy and time."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    base = f"{asked.name}-{asked.strategy_name}-{stamp}".replace("/", "_")
    name, number = base, 1
    while (out / name).exists():
        number += 1
        name = f"{base}-{number}"
    return RunFolder(out / name)


def _newest_unfinished(asked: Study, out: Path) -> RunFolder:
    found = sorted(out.glob("*/study.yaml"), key=lambda p: p.stat().st_mtime, reverse=True) if out.is_dir() else []
    for file in found:
        folder = RunFolder(file.parent)
        with contextlib.suppress(StudyError, RecordError):
            kept = load_study(folder)
            if not differences(resolved(asked, kept), kept) and earlier(folder.events).closed != "done":
                return folder
    raise StudyError(
        "there is nothing to resume",
        why=f"'{out}' holds no unfinished run of this study",
        fix="leave --resume out, or give --run-id",
    )


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


def check_data(goal: Target, prepared: Prepared | None, allow_changed: bool) -> None:
    """Raise StudyError when ``prepared`` are neither the data of the run's first attempt nor those that its last one went on with."""
    before = goal.earlier.first.get("data") or {}
    allowed = goal.earlier.last.get("data") or {}
    if prepared is None or not before.get("fingerprint") or allow_changed:
        return
    if prepared.fingerprint in {before["fingerprint"], allowed.get("fingerprint")}:
        return
    raise StudyError(
        f"the data of the run '{goal.folder.id}' have changed since it began",
        why=f"it began with {before.get('structures')} structures, fingerprint {before['fingerprint'][:8]}; now there are "
        f"{len(prepared)}, fingerprint {prepared.fingerprint[:8]}: its results would not compare",
        fix="restore the data, start a new run, or give --allow-changed-data if the change does not matter",
    )


def planned_workers(study: Study, first: Mapping[str, Any]) -> int:
    """How many workers the run's strategy plans for: as its first attempt decided, whatever machine goes on with it."""
    logged = first.get("workers")
    return int(logged) if logged else expected_workers(study)


def replay(study: Study, folder: RunFolder, log: EventLog | None = None) -> State:
    """The state that a run's log tells, with its strategy in step: what ``log`` has accepted of earlier attempts."""
    events = read(folder.events, None if log is None else log.accepts)
    first = next(events, None)
    state = State(build_strategy(study, planned_workers(study, first or {})), study.epochs)
    for event in () if first is None else chain((first,), events):
        state.apply(event)
    return state


def finished(goal: Target) -> bool:
    """True when the last attempt ended by itself and no larger budget is asked now.

    A run without its summary is not: its record was not written to the end, on a full disk say.
    """
    if goal.earlier.closed != "done" or not goal.folder.summary.is_file():
        return False
    return not asks_for_more(goal.earlier.last, goal.study)


def asks_for_more(before: Mapping[str, Any], study: Study) -> bool:
    """True when the study allows more than the attempt whose event is ``before``: trials, time or confirmation."""
    old, new = before.get("budget") or {}, study.budget
    larger_trials = old.get("trials") is not None and (new.trials is None or new.trials > old["trials"])
    larger_time = old.get("time") is not None and (new.time is None or new.time > old["time"])
    confirmed = {"share": None, **(before.get("confirm") or {})}  # earlier versions knew no share
    more_confirm = confirmed != study.confirm.model_dump() and study.confirm.top > 0
    return larger_trials or larger_time or more_confirm


def command_that_resumes(words: Sequence[str], out: Path, run_id: str) -> str:
    """What goes on with ``out/run_id``, for a shell.

    On a cluster it is what submits the job again, which whoever started this process has put into PERCH_RESUME_COMMAND (the
    batch script, the chart, ``perch k8s``). Else ``perch WORDS`` with its folder named, unless it was.
    """
    if elsewhere := os.environ.get("PERCH_RESUME_COMMAND"):
        return elsewhere
    kept = [w for w in words if w != "--resume"]
    for option, value in (("--run-id", run_id), ("--out", short_path(out))):
        if not any(w == option or w.startswith(f"{option}=") for w in kept):
            kept += [option, value]
    return shlex.join(["perch", *kept])


def resume_command(outcome: Outcome) -> str:
    """The command that goes on with this run."""
    words = sys.argv[1:] if Path(sys.argv[0]).name.startswith("perch") else ["run", str(outcome.folder.study)]
    return command_that_resumes(words, outcome.folder.path.parent, outcome.folder.id)
