"""One attempt at a run: what it holds open, and how it can end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perch.run.campaign import Campaign
from perch.run.folder import RunFolder
from perch.run.live import View
from perch.study import Study

DONE, FAILED, INTERRUPTED = 0, 1, 75


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its run folder, exit code (0, 1 or 75), the reason, and the signals that it was sent."""

    folder: RunFolder
    code: int
    why: str
    signals: int = 0


@dataclass
class Job:
    """One attempt at a run, with everything that it holds open."""

    study: Study
    folder: RunFolder
    campaign: Campaign
    view: View | None
    prepared: Any = None
    cache: Path = field(default_factory=Path)
    signals: int = 0
    started_s: float = 0.0
    _looked_s: dict[str, float] = field(default_factory=dict)

    def due(self, what: str, every_s: float) -> bool:
        """True at most every ``every_s`` seconds for each ``what``."""
        now = time.monotonic()
        if now - self._looked_s.get(what, -1e9) < every_s:
            return False
        self._looked_s[what] = now
        return True

    @property
    def baselines(self) -> dict[str, float | None]:
        """Errors of the baselines on the validation set, in eV."""
        return self.prepared.baselines if self.prepared is not None else {}
