"""What a run's log says of its attempts so far: how the first began, how the last began and ended. The log is read once for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from perch.log.events import Event


@dataclass(frozen=True)
class Earlier:
    """The ``attempt`` events of the first and of the last attempt, empty where there was none."""

    first: Mapping[str, Any] = field(default_factory=dict)
    last: Mapping[str, Any] = field(default_factory=dict)
    closed: str | None = None
    """How the last attempt ended; None when it left no ``close`` event."""


def earlier(events: Iterable[Event]) -> Earlier:
    """Of a log, oldest event first."""
    first: Mapping[str, Any] = {}
    last: Mapping[str, Any] = {}
    closed = None
    for event in events:
        if event["e"] == "attempt":
            first, last, closed = first or event, event, None
        elif event["e"] == "close":
            closed = event["why"]
    return Earlier(first, last, closed)
