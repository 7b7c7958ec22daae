"""Which of Tune's workers are kept, and which trial takes the one that is free.

Tune by itself keeps one idle worker, and gives it to the trial that has waited longest. Names with an underscore belong to Ray 2.60.
"""

from __future__ import annotations

import time
from typing import Any

STARTING_S = 60.0
"""So long a trial waits for a worker that is being started for it, before it takes the next one that is free."""


class Workers:
    """The idle workers of Tune's ``controller``, kept by what they may use."""

    def __init__(self) -> None:
        self.controller: Any = None
        self.usual: Any = None
        """What the trials of now ask for; a worker that holds anything else is of no use to the next one."""
        self._kept: dict[Any, int] = {}

    def keep(self, count: int) -> None:
        """Let Tune keep the processes of so many idle workers.

        Where several wait for suggestions it would end all but one, take seconds to start each again, and give that up
        whenever the first is free before: the trials would then queue on one worker.
        """
        if self.usual is None:
            return
        for needs in {*self._kept, self.usual}:
            wanted, kept = count if needs == self.usual else 0, self._kept.get(needs, 0)
            if wanted != kept:
                self.controller._actor_cache.increase_max(needs, wanted - kept)
                self._kept[needs] = wanted

    def waiting_for_room(self) -> bool:
        """True while a trial that needs other room than the rest has none: idle workers may be in its way."""
        return any(not trial.perch_request.usual and self.worker_of(trial) is None for trial in self.pending())

    def pending(self) -> list[Any]:
        """Trials that do not run yet, in the order of their placement."""
        pending = self.controller._pending_trials if self.controller is not None else ()
        return sorted(pending, key=lambda trial: trial.perch_placed_s)

    def worker_of(self, trial: Any) -> Any:
        """The Ray actor that a trial has; None while it waits for one."""
        tracked = self.controller._trial_to_actor.get(trial)
        live = self.controller._actor_manager._live_actors_to_ray_actors_resources.get(tracked)
        return live[0] if live is not None else None

    def next_to_start(self) -> Any:
        """The trial that takes a worker that is free: the last one placed, for which no worker is being started yet.

        Tune would give it to the trial that has waited longest, and end the worker that is starting for that one. While trials
        are short, no worker on a node that has just joined would ever be up.
        """
        pending = self.pending()
        if not pending or time.monotonic() - pending[0].perch_placed_s > STARTING_S:
            return pending[0] if pending else None
        starting = self.controller._trial_to_actor
        return next((trial for trial in reversed(pending) if trial not in starting), pending[0])
