"""What a board is to a run: a follower of its event log. It sees every event once, and never stops the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Event = Mapping[str, Any]
"""One line of the log; kinds and keys as ``perch.strategies.strategy`` lists them."""


class Follower(Protocol):
    """Takes events in the order of the log. ``applied`` only takes note; ``flush`` does the work."""

    def applied(self, event: Event) -> None:
        """Take note of one event."""
        ...

    def flush(self) -> None:
        """Write what has been noted since the last call."""
        ...

    def close(self) -> None:
        """Write the rest; nothing is noted any more."""
        ...
