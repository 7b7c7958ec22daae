"""What a log says of requests that somebody made by hand while the run went on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class ByHand:
    """What was asked for, as far as the run as a whole is concerned; ``Live.kept`` says which trials are kept."""

    requests: set[str] = field(default_factory=set)
    """Ids of the requests that the log holds: none is done twice."""
    added: int = 0
    """Trials of the search that were added, beyond the budget."""
    search_ended_s: float | None = None
    """Consumed seconds at which the search was ended; None: it was not."""
