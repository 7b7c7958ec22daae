"""The live view of a run: a table on a terminal, plain lines when piped."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, TextIO

from perch.view.shown import Best, Rung, Snapshot
from perch.view.steps import Steps
from perch.view.table import failure, line, table

LINE_EVERY_S: Final = 15.0
"""Plain lines are at least this far apart."""

NEW_BEST_EVERY_S: Final = 5.0
"""Unless there is a new best; but the first trials improve with every epoch."""


class View:
    """Shows snapshots as they come: a table that is redrawn on a terminal, or a plain line now and then.

    Use as a context manager; call ``show`` as often as you like, it is cheap when there is nothing new to draw.
    """

    def __init__(
        self, stream: TextIO | None = None, *, every_s: float | None = None, clock: Callable[[], float] = time.monotonic,
        steps: Steps | None = None,
    ) -> None:  # fmt: skip
        from rich.console import Console

        class Lasting(Console):
            """Rich's own answer to a reader that has gone is to exit the program."""

            def on_broken_pipe(self) -> None:
                raise BrokenPipeError

        self._console = Lasting(file=stream or sys.stdout, soft_wrap=True)
        self._terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        self._every_s = every_s if every_s is not None else (0.25 if self._terminal else LINE_EVERY_S)
        self._clock = clock
        self._shown_s = -math.inf
        self._best: float | None = None
        self._last: Snapshot | None = None
        self._live: Any = None
        self._begun = False
        self._gone = False
        self._failed: tuple[str, str] | None = None
        self.steps = steps if steps is not None else Steps()

    def __enter__(self) -> View:
        return self

    @property
    def piped(self) -> bool:
        """True where lines are printed and no table is drawn."""
        return not self._terminal

    def show(self, snapshot: Snapshot) -> None:
        """Draw the snapshot if it is time to; a new best is shown soon."""
        self._last = snapshot
        if self._live is None and snapshot.failed != self._failed:
            self._failed = snapshot.failed
            self.say(failure(snapshot))
        value = snapshot.best.value if snapshot.best else None
        now_s = self._clock()
        news = self._live is None and value != self._best
        if now_s - self._shown_s < (min(NEW_BEST_EVERY_S, self._every_s) if news else self._every_s):
            return
        self._shown_s, self._best = now_s, value
        self._draw(snapshot)

    def say(self, message: str) -> None:
        """Print a line that stays (a warning, where TensorBoard runs), above the table."""
        with self.steps.aside():
            self._write(lambda: self._console.print(message, highlight=False, markup=False))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def finish(self) -> None:
        """Draw the last snapshot for good; what is said from here on stands below it, steps too."""
        self.steps.end()
        last, self._last = self._last, None
        if last is not None:
            self._draw(last)
        if (live := self._live) is not None:
            self._write(lambda: live.__exit__(None, None, None))
            self._live = None
        self._begun = False

    def _draw(self, snapshot: Snapshot) -> None:
        if not self._begun:
            self._begin()
        if (live := self._live) is not None:
            self._write(lambda: live.update(table(snapshot), refresh=True))
        else:
            self._write(lambda: self._console.print(line(snapshot), highlight=False, markup=False))

    def _begin(self) -> None:
        """The steps before it are over: from here on the table is drawn."""
        self._begun = True
        self.steps.end()
        if self._terminal:
            from rich.live import Live

            self._live = live = Live(console=self._console, auto_refresh=False)
            self._write(live.__enter__)

    def _write(self, draw: Callable[[], object]) -> None:
        """Write to the stream, until that fails: a reader that has gone, or a full disk, must not end a run."""
        if self._gone:
            return
        try:
            draw()
            self._console.file.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed, or cannot encode what is written
            self._gone = True


__all__ = ["Best", "Rung", "Snapshot", "View", "line", "table"]
