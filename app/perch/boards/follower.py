"""What a board is to a run: a follower of its event log. It sees every event once, and never stops the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
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


class Background:
    """Flushes a follower from a thread of its own, so that the run's loop never waits for a disk.

    The first failure ends the following, not the run: it is kept in ``problem``, for whoever runs it to show.
    """

    def __init__(
        self, build: Callable[[], Follower], *, every_s: float = 5.0, on_problem: Callable[[str], None] | None = None
    ) -> None:
        self.problem: str | None = None
        self._build, self._every_s, self._on_problem = build, every_s, on_problem
        self._queue: list[Event] = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="board", daemon=True)
        self._thread.start()

    def applied(self, event: Event) -> None:
        """Queue one event: a list append."""
        with self._lock:
            self._queue.append(event)

    def flush(self) -> None:
        """Nothing: the thread flushes by itself."""

    def close(self, timeout_s: float = 60.0) -> None:
        """Write the rest and end the thread; after ``timeout_s`` the rest is given up, and said."""
        self._ending.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive() and self.problem is None:
            self._fail(f"the board did not finish writing within {timeout_s:.0f} s")

    def _take(self) -> Iterable[Event]:
        with self._lock:
            taken, self._queue = self._queue, []
        return taken

    def _work(self) -> None:
        try:
            follower = self._build()
            ending = False
            while not ending:
                ending = self._ending.wait(self._every_s)
                for event in self._take():
                    follower.applied(event)
                follower.flush()
            follower.close()
        except Exception as error:  # whatever a board meets, the run goes on; the problem is shown
            self._fail(f"{type(error).__name__}: {error}")

    def _fail(self, problem: str) -> None:
        self.problem = problem
        if self._on_problem is not None:
            self._on_problem(problem)
