"""The live view of a run: a table on a terminal, plain lines when piped. Pure functions of one small snapshot."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, TextIO

from perch.formatting import configuration, duration

STATES: Final = ("running", "paused", "completed", "stopped", "diverged", "failed", "interrupted")
"""States of a trial in the order in which they are shown."""

LINE_EVERY_S: Final = 15.0
"""Plain lines are at least this far apart."""

NEW_BEST_EVERY_S: Final = 5.0
"""Unless there is a new best; but the first trials improve with every epoch."""

FEWEST_ENDED: Final = 3
"""Trials that must have ended before their pace says anything about the time left."""


@dataclass(frozen=True, slots=True)
class Best:
    """The incumbent: the lowest (``mode: max``: highest) value of the study's metric so far, any epoch, any trial."""

    trial_id: str
    value: float
    epoch: int
    config: Mapping[str, Any] = field(default_factory=dict)
    test_mae_ev: float | None = None


@dataclass(frozen=True, slots=True)
class Rung:
    """How many trials were judged after ``epoch`` epochs, and how many of them went on."""

    epoch: int
    reached: int
    passed: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the live view shows; whoever runs the study fills it.

    ``elapsed_s`` are consumed seconds (interruptions left out). ``trials`` counts trials by state.
    ``trials_per_minute`` counts trials that ended. ``phase`` is search or confirm. ``baselines`` in eV, by name.
    """

    run_id: str
    strategy: str
    metric: str
    elapsed_s: float
    trials: Mapping[str, int]
    best: Best | None = None
    rungs: tuple[Rung, ...] = ()
    budget_s: float | None = None
    budget_trials: int | None = None
    trials_per_minute: float | None = None
    workers_busy: int = 0
    workers: int = 0
    phase: str = "search"
    baselines: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def ended(self) -> int:
        """Trials that will report nothing more."""
        return sum(n for state, n in self.trials.items() if state not in {"running", "paused", "interrupted"})

    @property
    def time_left_s(self) -> float | None:
        """Seconds to the end of the budget: of the time, or of the trials at the present pace; None: not known yet."""
        left = []
        if self.budget_s is not None:
            left.append(max(self.budget_s - self.elapsed_s, 0.0))
        if self.budget_trials is not None and self.trials_per_minute and self.ended >= FEWEST_ENDED:
            left.append(max(self.budget_trials - self.ended, 0) / self.trials_per_minute * 60)
        return min(left) if left else None


def line(snapshot: Snapshot) -> str:
    """The snapshot as one plain line."""
    parts = [duration(snapshot.elapsed_s)]
    if snapshot.phase != "search":
        parts.append(snapshot.phase)
    parts.append(_states(snapshot))
    if snapshot.trials_per_minute is not None:
        parts.append(f"{snapshot.trials_per_minute:.1f} trials/min")
    if snapshot.best is not None:
        best = snapshot.best
        parts.append(f"best {snapshot.metric} {best.value:.4g} (trial {best.trial_id}, epoch {best.epoch})")
    if snapshot.time_left_s is not None:
        parts.append(f"{duration(snapshot.time_left_s)} left")
    if snapshot.note:
        parts.append(snapshot.note)
    return " · ".join(parts)


def table(snapshot: Snapshot) -> Any:
    """The snapshot as a rich panel."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column()
    for name, value in _rows(snapshot):
        rows.add_row(name, Text(value))
    parts: list[Any] = [rows]
    share = _share_done(snapshot)
    if share is not None:
        parts.append(ProgressBar(total=1.0, completed=share, width=60))
    title = Text.assemble((snapshot.run_id, "bold"), f" · {snapshot.strategy} · {snapshot.phase}")
    return Panel(Group(*parts), title=title, title_align="left", expand=False, padding=(0, 1))


def _rows(snapshot: Snapshot) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    best = snapshot.best
    if best is None:
        rows.append(("best so far", "no result yet"))
    else:
        test = "" if best.test_mae_ev is None else f", test MAE {best.test_mae_ev:.4g} eV"
        rows.append(("best so far", f"{snapshot.metric} {best.value:.4g}{test}"))
        rows.append(("", f"trial {best.trial_id}, epoch {best.epoch}"))
        if best.config:
            rows.append(("", configuration(best.config)))
    if snapshot.baselines:
        rows.append(
            ("baselines", "  ".join(f"{k.replace('_', ' ')} {v:.3g} eV" for k, v in snapshot.baselines.items()))
        )
    rows.append(("trials", _states(snapshot)))
    if snapshot.rungs:
        rungs = "  ".join(f"{r.epoch}: {r.passed} of {r.reached}" for r in snapshot.rungs)
        rows.append(("went on at epoch", rungs))
    pace = "–" if snapshot.trials_per_minute is None else f"{snapshot.trials_per_minute:.1f} trials/min"
    busy = f", {snapshot.workers_busy} of {snapshot.workers} workers busy" if snapshot.workers else ""
    rows.append(("pace", pace + busy))
    rows.append(("time", f"{duration(snapshot.elapsed_s)} used, {duration(snapshot.time_left_s)} left"))
    if snapshot.note:
        rows.append(("note", snapshot.note))
    return rows


def _states(snapshot: Snapshot) -> str:
    known = [(s, snapshot.trials[s]) for s in STATES if snapshot.trials.get(s)]
    other = [(s, n) for s, n in snapshot.trials.items() if s not in STATES and n]
    shown = ", ".join(f"{n} {state}" for state, n in known + other) or "no trial yet"
    return f"{shown} of {snapshot.budget_trials}" if snapshot.budget_trials else shown


def _share_done(snapshot: Snapshot) -> float | None:
    """How much of the budget is used, by whichever part of it will end the run first."""
    shares = []
    if snapshot.budget_s:
        shares.append(snapshot.elapsed_s / snapshot.budget_s)
    if snapshot.budget_trials:
        shares.append(snapshot.ended / snapshot.budget_trials)
    return min(max(shares), 1.0) if shares else None


class View:
    """Shows snapshots as they come: a table that is redrawn on a terminal, or a plain line now and then.

    Use as a context manager; call ``show`` as often as you like, it is cheap when there is nothing new to draw.
    """

    def __init__(
        self, stream: TextIO | None = None, *, every_s: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
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
        self._gone = False

    def __enter__(self) -> View:
        if self._terminal:
            from rich.live import Live

            self._live = live = Live(console=self._console, auto_refresh=False)
            self._write(live.__enter__)
        return self

    def show(self, snapshot: Snapshot) -> None:
        """Draw the snapshot if it is time to; a new best is shown soon."""
        self._last = snapshot
        value = snapshot.best.value if snapshot.best else None
        now_s = self._clock()
        news = self._live is None and value != self._best
        if now_s - self._shown_s < (min(NEW_BEST_EVERY_S, self._every_s) if news else self._every_s):
            return
        self._shown_s, self._best = now_s, value
        self._draw(snapshot)

    def say(self, message: str) -> None:
        """Print a line that stays (a warning, where TensorBoard runs), above the table."""
        self._write(lambda: self._console.print(message, highlight=False, markup=False))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._last is not None:
            self._draw(self._last)
        if (live := self._live) is not None:
            self._write(lambda: live.__exit__(kind, error, trace))
            self._live = None

    def _draw(self, snapshot: Snapshot) -> None:
        if (live := self._live) is not None:
            self._write(lambda: live.update(table(snapshot), refresh=True))
        else:
            self._write(lambda: self._console.print(line(snapshot), highlight=False, markup=False))

    def _write(self, draw: Callable[[], object]) -> None:
        """Write to the stream, until that fails: a reader that has gone, or a full disk, must not end a run."""
        if self._gone:
            return
        try:
            draw()
            self._console.file.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed, or cannot encode what is written
            self._gone = True
