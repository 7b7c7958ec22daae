"""What a log says of the trainings with fresh seeds: who takes part, what was placed, what came out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass
class FreshSeeds:
    """Entrants, best promise first, and their trainings. Values are as strategies see them: lower is better.

    ``allowance``: the most that the trainings may take, in epochs, or in consumed seconds where ``in_seconds``; None: no
    limit, and every entrant gets ``seeds`` trainings.
    """

    entrants: list[str] = field(default_factory=list)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    start: str | None = None
    """The entrant that is the study's starting point; None: it has none."""
    seeds: int | None = None
    """The most trainings of an entrant; None: as the study says (logs of earlier versions)."""
    allowance: float | None = None
    in_seconds: bool = False
    window: int = 1
    """Epochs in a row whose mean judges a training (``perch.settled``); 1 in logs of earlier versions: its lowest value."""
    training_s: dict[str, float] = field(default_factory=dict)
    """Seconds that a training of each entrant is expected to take."""
    placed: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Entrant → numbers of the seeds that it was, or is being, trained with."""
    values: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """Entrant → number of the seed → settled value of that training, once it has ended."""
    failed: set[str] = field(default_factory=set)
    """Entrants of which a training failed or diverged."""

    @property
    def trainings(self) -> int:
        """Trainings placed so far."""
        return sum(len(repeats) for repeats in self.placed.values())

    def enter(self, event: dict[str, Any]) -> None:
        """Take a ``confirm`` event into account; what was trained before stays."""
        self.entrants = list(event["trials"])
        self.configs = dict(event.get("configs", {}))
        self.start = event.get("start")
        self.seeds = event.get("seeds")
        self.allowance = event.get("allowance")
        self.in_seconds = bool(event.get("in_seconds"))
        self.window = int(event.get("window", 1))
        self.training_s = dict(event.get("training_s", {}))

    def leave(self) -> None:
        """Nobody takes part until the next ``confirm`` event."""
        self.entrants, self.start = [], None

    def place(self, of: str, repeat: int) -> None:
        """A training has been placed."""
        self.placed[of].add(repeat)

    def end(self, of: str, repeat: int, value: float | None, *, failed: bool) -> None:
        """A training has ended."""
        if failed or value is None:
            self.failed.add(of)
        else:
            self.values[of][repeat] = value
