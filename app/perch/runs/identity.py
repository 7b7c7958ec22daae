"""What is decided once for a run and holds for all its attempts: points, planned workers, and the data it trains on."""

from __future__ import annotations

from typing import Any

from perch.errors import StudyError
from perch.log.events import first_event
from perch.log.folder import RunFolder
from perch.runs.strategy import expected_workers
from perch.study import Study


def planned_workers(study: Study, folder: RunFolder) -> int:
    """How many workers the run's strategy plans for: as its first attempt decided, whatever machine goes on with it."""
    logged = (first_event(folder.events) or {}).get("workers")
    return int(logged) if logged else expected_workers(study)


def check_data(folder: RunFolder, prepared: Any, allow_changed: bool) -> None:
    """Raise StudyError when the run was begun on other data than ``prepared``."""
    before = (first_event(folder.events) or {}).get("data") or {}
    if prepared is None or not before.get("fingerprint") or allow_changed:
        return
    if before["fingerprint"] == prepared.fingerprint:
        return
    raise StudyError(
        f"the data of the run '{folder.id}' have changed since it began",
        why=f"it began with {before.get('structures')} structures, fingerprint {before['fingerprint'][:8]}; now there are "
        f"{len(prepared)}, fingerprint {prepared.fingerprint[:8]}: its results would not compare",
        fix="restore the data, start a new run, or give --allow-changed-data if the change does not matter",
    )
