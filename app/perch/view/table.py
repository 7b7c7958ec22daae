"""A snapshot drawn: as one plain line, or as a table for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from perch.formatting import configuration, duration
from perch.view.shown import Snapshot

STATES: Final = ("running", "paused", "completed", "stopped", "diverged", "failed", "interrupted")
"""States of a trial in the order in which they are shown."""

ASIDE: Final = "infeasible"
"""Configurations that were not started, which no budget counts."""

MOST_RUNNING: Final = 8
"""So many running trials are named; of more, the rest is counted."""


def line(snapshot: Snapshot) -> str:
    """The snapshot as one plain line."""
    parts = [duration(snapshot.elapsed_s), _trials(snapshot)]
    if snapshot.phase != "search":
        parts.append(f"confirming: {_confirmed(snapshot)} trained")
    if snapshot.trials_per_minute is not None:
        parts.append(f"{snapshot.trials_per_minute:.1f} trials/min")
    if snapshot.best is not None:
        best = snapshot.best
        parts.append(f"best {snapshot.metric} {best.value:.4g} (trial {best.trial_id}, epoch {best.epoch})")
    if snapshot.time_left_s is not None:
        parts.append(_left(snapshot))
    if snapshot.note:
        parts.append(snapshot.note)
    return " · ".join(parts)


def failure(snapshot: Snapshot) -> str:
    """The trial that failed last, why, and what to ask; empty where none has failed."""
    if snapshot.failed is None:
        return ""
    trial, message = snapshot.failed
    return f"trial {trial} failed: {message or 'no message'} (perch why {shlex.quote(snapshot.folder or snapshot.run_id)} {trial})"


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


def _rows(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    yield from _best(snapshot)
    if snapshot.baselines:
        yield "baselines", "  ".join(f"{k.replace('_', ' ')} {v:.3g} eV" for k, v in snapshot.baselines.items())
    yield "trials", _trials(snapshot)
    if snapshot.rungs:
        first, *rest = snapshot.rungs
        words = [f"{first.passed} of {first.reached} trials went on after epoch {first.epoch}"]
        yield "early stopping", ", ".join([*words, *(f"{r.passed} of {r.reached} after {r.epoch}" for r in rest)])
    if snapshot.phase != "search":
        yield "confirming", f"{_confirmed(snapshot)} trainings with fresh seeds are over"
    if snapshot.running:
        named = [f"{trial} (epoch {epoch})" for trial, epoch in snapshot.running[:MOST_RUNNING]]
        more = len(snapshot.running) - len(named)
        yield "training", ", ".join(named) + (f", and {more} more" if more else "")
    if snapshot.failed is not None:
        yield "last failure", failure(snapshot)
    pace = "–" if snapshot.trials_per_minute is None else f"{snapshot.trials_per_minute:.1f} trials/min"
    busy = f", {snapshot.workers_busy} of {snapshot.workers} workers busy" if snapshot.workers else ""
    yield "pace", pace + busy
    yield "time", f"{duration(snapshot.elapsed_s)} used, {_left(snapshot)}"
    if snapshot.folder:
        yield "folder", f"{snapshot.folder}   (report.html there at the end)"
        yield "leave", "Ctrl-C saves and ends; the same command with --resume goes on"
    if snapshot.note:
        yield "note", snapshot.note


def _best(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    best = snapshot.best
    if best is None:
        yield "best so far", "no result yet"
        return
    test = "" if best.test_mae_ev is None else f", test MAE {best.test_mae_ev:.4g} eV"
    yield "best so far", f"{snapshot.metric} {best.value:.4g}{test}"
    yield "", f"trial {best.trial_id}, epoch {best.epoch}"
    if best.config:
        yield "", configuration(best.config)


def _states(trials: Mapping[str, int]) -> str:
    known = [(s, trials[s]) for s in STATES if trials.get(s)]
    other = [(s, n) for s, n in trials.items() if s not in STATES and n]
    return ", ".join(f"{n} {state}" for state, n in known + other) or "no trial yet"


def _trials(snapshot: Snapshot) -> str:
    shown = _of(_states({s: n for s, n in snapshot.trials.items() if s != ASIDE}), snapshot.budget_trials)
    aside = snapshot.trials.get(ASIDE, 0)
    return f"{shown}; {aside} not started, too large for the device" if aside else shown


def _of(shown: str, budget: int | None) -> str:
    return f"{shown} of {budget}" if budget else shown


def _left(snapshot: Snapshot) -> str:
    """The time left; a race that is decided ends before its time."""
    most = "" if snapshot.phase == "search" or snapshot.time_left_s is None else "at most "
    return f"{most}{duration(snapshot.time_left_s)} left"


def _share_done(snapshot: Snapshot) -> float | None:
    """How much of the budget is used, by whichever part of it will end the run first; of the confirmation while that lasts."""
    if snapshot.phase != "search":
        return snapshot.confirmed / snapshot.confirm_trials if snapshot.confirm_trials else None
    shares = []
    if snapshot.budget_s:
        shares.append(snapshot.elapsed_s / snapshot.budget_s)
    if snapshot.budget_trials:
        shares.append(snapshot.ended / snapshot.budget_trials)
    return min(max(shares), 1.0) if shares else None


def _confirmed(snapshot: Snapshot) -> str:
    """Trainings with fresh seeds that are over, and of how many where that does not hang on how long they take."""
    most = snapshot.confirm_trials
    return str(snapshot.confirmed) if most is None else f"{snapshot.confirmed} of {most}"
