"""What costs a simulated worker time besides training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Delays:
    """Everything besides training that costs a worker time, in seconds; none by default."""

    start_s: float = 0.0
    """The first trial of a worker: its process starts and loads the data."""
    turnover_s: float = 0.0
    """Between two trials of a worker that is reused."""
    suggest_s: float = 0.0
    """Until a new configuration is there."""
    save_s: float = 0.0
    """Writing a checkpoint."""
    load_s: float = 0.0
    """Starting from a checkpoint."""
