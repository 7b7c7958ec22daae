"""What a run's log says of its attempts so far: how the first began, how the last began and ended. The log is not read whole for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perch.log.events import first_event, last_attempt, last_event


@dataclass(frozen=True)
class Earlier:
    """The ``attempt`` events of the first and of the last attempt, empty where there was none.

    Of the last, ``budget`` is what holds now, also where it was changed by hand, and ``asked`` the budget that its command allowed.
    """

    first: Mapping[str, Any] = field(default_factory=dict)
    last: Mapping[str, Any] = field(default_factory=dict)
    closed: str | None = None
    """How the last attempt ended; None when it left no ``close`` event."""


def earlier(events: Path) -> Earlier:
    """Of the log in the folder ``RUN/events``, which need not be there."""
    if not events.is_dir():
        return Earlier()
    end = last_event(events, ("close", "attempt")) or {}
    last = last_attempt(events) or {}
    if "budget" in last:
        changed = last_event(events, ("budget", "attempt")) or {}
        budget = (
            {"trials": changed["trials"], "time": changed["time"]} if changed.get("e") == "budget" else last["budget"]
        )
        last = {**last, "budget": budget, "asked": last.get("asked") or last["budget"]}
    return Earlier(first_event(events) or {}, last, end["why"] if end.get("e") == "close" else None)
