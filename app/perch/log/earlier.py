"""What a run's log says of its attempts so far: how the first began, how the last began and ended. The log is not read whole for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perch.log.events import first_event, last_event


@dataclass(frozen=True)
class Earlier:
    """The ``attempt`` events of the first and of the last attempt, empty where there was none."""

    first: Mapping[str, Any] = field(default_factory=dict)
    last: Mapping[str, Any] = field(default_factory=dict)
    closed: str | None = None
    """How the last attempt ended; None when it left no ``close`` event."""


def earlier(events: Path) -> Earlier:
    """Of the log in the folder ``RUN/events``, which need not be there."""
    if not events.is_dir():
        return Earlier()
    end = last_event(events, ("close", "attempt")) or {}
    return Earlier(
        first_event(events) or {}, last_event(events, ("attempt",)) or {}, end["why"] if end.get("e") == "close" else None
    )  # fmt: skip
