"""What the simulated machine is made of: named delays, and trials."""

from __future__ import annotations

from dataclasses import dataclass, field

from perch.strategies.strategy import Checkpoint, Config


@dataclass(frozen=True)
class Delays:
    """Everything beside training that costs a worker time, in seconds; none by default."""

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


@dataclass(slots=True)
class SimulatedTrial:
    """One trial on the simulated machine."""

    id: str
    config: Config
    segment: int = 0
    reported: int = 0
    """Last epoch in the log, in this segment."""
    trained: int = 0
    """Epochs behind the weights that its worker holds."""
    start: Checkpoint | None = None
    """Where its next stretch starts; None: from the beginning."""
    saved_at_s: float = 0.0
    """When its checkpoint under way will be there."""
    paused: bool = False
    spent: dict[str, float] = field(default_factory=dict)
