"""What a run's budget buys, in one line before it starts, as far as an earlier run of the same space has seen.

Only summaries and study files of the storage folder are read: nothing is rehearsed, and nothing here can fail a run.
`perch plan` says more, in more time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perch.formatting import duration
from perch.record.earlier import UNREADABLE, EarlierRun, of_the_same_space
from perch.study import Study

LOOK_S: Final = 0.15
"""Seconds after which no further folder is looked at."""


@dataclass(frozen=True)
class Seen:
    """An earlier run of the same space. ``pace``: as its summary has it, where it has."""

    name: str
    strategy: Any
    confirm: Mapping[str, Any]
    workers: float
    trials: int
    search_s: float
    pace: Mapping[str, Any]


def expected(study: Study, root: Path) -> str:
    """The line. ``root``: the folder that holds the runs."""
    strategy = study.model_dump(mode="json")["strategy"]
    resources = study.resources.model_dump(mode="json")
    found = [r for r in of_the_same_space(study, root, LOOK_S) if _same_resources(r.study.get("resources"), resources)]
    seen = _best_of([s for s in map(_seen, found) if s is not None], strategy)
    asked = _asked(study)
    if seen is None:
        return f"budget: {asked}; no run of this space is in {root.name}/ yet, so what it buys is not known (perch plan measures it)"
    workers = round(seen.workers)
    machine = f"as in {seen.name}, {workers} worker{'s' if workers != 1 else ''}"
    if seen.strategy != strategy:
        return (
            f"budget: {asked}; {_full_trainings(study, seen)} ({machine}); {study.strategy_name} has not run here yet"
        )
    rate = seen.trials / seen.search_s
    by_trials_s = study.budget.trials / rate if study.budget.trials is not None else float("inf")
    search_s = min(by_trials_s, study.budget.time if study.budget.time is not None else float("inf"))
    full = seen.pace.get("completed")
    to_the_end = "" if full is None else f", {_number(full / seen.search_s * search_s)} to the end,"
    return f"budget: {asked}: about {_number(rate * search_s)} trials{to_the_end} in {duration(search_s)}{_confirming(study, seen)} ({machine})"


def _asked(study: Study) -> str:
    budget = study.budget
    parts = [f"{budget.trials:,} trials"] if budget.trials is not None else []
    parts += [duration(budget.time)] if budget.time is not None else []
    return " or ".join(parts)


def _full_trainings(study: Study, seen: Seen) -> str:
    one_s = seen.pace.get("training_s")
    if one_s is None:
        return "how long a full training takes was not seen"
    if study.budget.time is None:
        return f"a full training takes {duration(one_s)}"
    return f"worth {_number(seen.workers * study.budget.time / one_s)} full trainings of {duration(one_s)}"


def _confirming(study: Study, seen: Seen) -> str:
    """The confirmation as it was seen, else from the time of a full training."""
    number = study.confirm.top * study.confirm.seeds
    if not number:
        return ""
    lasted_s, one_s = seen.pace.get("confirmation_s"), seen.pace.get("training_s")
    if lasted_s is not None and dict(seen.confirm) == study.confirm.model_dump(mode="json"):
        return f", then {duration(lasted_s)} of confirmation"
    if one_s is None:
        return ", then the confirmation"
    rounds = max(1.0, number / max(seen.workers, 1.0))
    return f", then about {duration(rounds * one_s)} of confirmation"


def _same_resources(theirs: Any, mine: Mapping[str, Any]) -> bool:
    """An older version's file lacks what has come since."""
    return isinstance(theirs, dict) and all(mine.get(key) == value for key, value in theirs.items())


def _seen(run: EarlierRun) -> Seen | None:
    """None where a file lacks what every run of Perch writes."""
    summary, study = run.summary, run.study
    try:
        pace = dict(summary.get("pace") or {})
        return Seen(
            run.folder.name, study["strategy"], study["confirm"], float(summary["worker_seconds"]) / float(summary["wall_s"]),
            int(summary["trials"]), float(pace.get("search_s") or summary["wall_s"]), pace,
        )  # fmt: skip
    except UNREADABLE:
        return None


def _best_of(found: list[Seen], strategy: Any) -> Seen | None:
    """The newest run of the same strategy, else the newest that trained something to the end, else the newest."""
    same = [s for s in found if s.strategy == strategy]
    whole = [s for s in found if s.pace.get("completed")]
    return next(iter([*same, *whole, *found]), None)


def _number(value: float) -> str:
    return f"{value:,.0f}"
