"""What a run's budget buys, in one line before it starts, as far as an earlier run of the same space has seen.

Only summaries and study files of the storage folder are read: nothing is rehearsed, and nothing here can fail a run.
`perch plan` says more, in more time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perch.errors import PerchError
from perch.formatting import duration
from perch.study import Study, read_yaml

LOOK_S: Final = 0.15
"""Seconds after which no further folder is looked at."""

SAME: Final = ("space", "epochs", "trainable", "data", "metric", "resources")
"""Keys of a study that decide how long its trainings last and how many of them are stopped."""

UNREADABLE: Final = (PerchError, OSError, ValueError, KeyError, TypeError)
"""What a folder of somebody else's, or one that is half written, may answer."""


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
    mine = study.model_dump(mode="json", by_alias=True)
    seen = _best_of(list(_seen(mine, root)), mine["strategy"])
    asked = _asked(study)
    if seen is None:
        return f"budget: {asked}; no run of this space is in {root.name}/ yet, so what it buys is not known (perch plan measures it)"
    workers = round(seen.workers)
    machine = f"as in {seen.name}, {workers} worker{'s' if workers != 1 else ''}"
    if seen.strategy != mine["strategy"]:
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


def _seen(mine: Mapping[str, Any], root: Path) -> Iterator[Seen]:
    """Runs of the same space, newest first, as long as there is time to look. What cannot be read is passed over."""
    until_s = time.monotonic() + LOOK_S
    try:
        files = sorted(root.glob("*/summary.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    except OSError:
        return
    for file in files:
        if time.monotonic() > until_s:
            return
        try:
            found = _read(file, mine)
        except UNREADABLE:
            continue
        if found is not None:
            yield found


def _read(file: Path, mine: Mapping[str, Any]) -> Seen | None:
    """None for a run of another space, or one that has seen too little."""
    summary = json.loads(file.read_text(encoding="utf-8"))
    if summary["metric"] != mine["metric"] or not summary["epochs"] or not summary["wall_s"]:
        return None
    kept = file.with_name("study.yaml")
    theirs = read_yaml(kept.read_text(encoding="utf-8"), str(kept))
    if any(theirs.get(key) != mine.get(key) for key in SAME if key in theirs):
        return None
    pace = summary.get("pace") or {}
    return Seen(
        file.parent.name, theirs["strategy"], theirs["confirm"], float(summary["worker_seconds"]) / float(summary["wall_s"]),
        int(summary["trials"]), float(pace.get("search_s") or summary["wall_s"]), pace,
    )  # fmt: skip


def _best_of(found: list[Seen], strategy: Any) -> Seen | None:
    """The newest run of the same strategy, else the newest that trained something to the end, else the newest."""
    same = [s for s in found if s.strategy == strategy]
    whole = [s for s in found if s.pace.get("completed")]
    return next(iter([*same, *whole, *found]), None)


def _number(value: float) -> str:
    return f"{value:,.0f}"
