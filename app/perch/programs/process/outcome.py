"""What the end of a program means. Exit 0 means neither finished nor good, so three things are looked at before it."""

from __future__ import annotations

import math
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from perch.errors import Diverged, TrialError
from perch.programs.process.child import Exit, last_lines

_FROM_OUTSIDE: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)


class OutOfMemoryError(TrialError):
    """The kernel killed the program for its memory."""


class ProgramFailed(TrialError, RuntimeError):
    """The program ended with an error. What it printed last says whose fault that is, as a library's message does."""


class EndedFromOutside(TrialError):
    """Somebody else ended the program, as a cluster does that takes a node back: not the trial's fault."""


def check_value(metric: str, value: float, bound: float, epoch: int) -> None:
    """Raise Diverged for a value that is not finite, or beyond the bound."""
    if not math.isfinite(value):
        raise Diverged(f"{metric} is {value} in epoch {epoch}")
    if abs(value) > bound:
        raise Diverged(
            f"{metric} is {value:.4g} in epoch {epoch}",
            why=f"that is beyond trainable.bound, {bound:.4g}",
            fix="raise the bound if such values are good",
        )


def ended(
    exit_: Exit, *, epoch: int, target: int, words: str, log: Path, logs: Mapping[str, Path], rows: str
) -> TrialError | None:
    """What it means that the program has ended by itself after ``epoch`` of ``target`` epochs; None: that it is done.

    ``rows``: in words, what came instead of epochs, for an end without any. ``logs``: the program's own logs by name.
    """
    if epoch >= target:
        return None
    said = _said(log, logs)
    if exit_.error:
        return TrialError(f"'{words}' could not be started", why=exit_.error, fix="check trainable.command")
    if exit_.out_of_memory:
        return OutOfMemoryError(f"'{words}' was killed for its memory after epoch {epoch}{said}")
    if exit_.code is not None and exit_.code < 0 and -exit_.code in _FROM_OUTSIDE:
        return EndedFromOutside(f"'{words}' was {exit_.words} by somebody else after epoch {epoch}{said}")
    if exit_.left:
        return TrialError(
            f"'{words}' ended and left processes running: {', '.join(exit_.left)}{said}",
            why="a program that goes on in the background cannot be followed or stopped", fix="run it in the foreground",
        )  # fmt: skip
    if exit_.code != 0:
        last = last_lines(log, count=1)
        printed = f"; it printed last: {last}" if last else ""
        return ProgramFailed(f"'{words}' ended after epoch {epoch} of {target}: {exit_.words}{printed}{said}")
    if epoch == 0:
        return TrialError(f"'{words}' ended without reporting an epoch: {exit_.words}; {rows}{said}")
    return None


def _said(log: Path, logs: Mapping[str, Path]) -> str:
    """The last lines of what it printed, and of its own logs."""
    parts = [f"\n{name}:\n{text}" for name, path in {"its output": log, **logs}.items() if (text := last_lines(path))]
    return "".join(parts)
