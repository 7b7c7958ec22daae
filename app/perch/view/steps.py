"""What a command is doing before there is anything to show: a line for each step, with its seconds. Nothing heavy is imported."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final, TextIO

REDRAW_EVERY_S: Final = 0.1
"""A count on a terminal is rewritten at most so often."""


class Steps:
    """Writes ``building graphs … 652 of 652, 1.2 s``: the name when a step begins, its seconds when it ends.

    A step that begins ends the one before. A stream (default: standard error) that breaks is left alone.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._clock = clock
        self._what = ""
        self._begun_s = 0.0
        self._count = ""
        self._drawn_s = 0.0
        self._broken = False

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A step, for as long as the block lasts."""
        self.begin(what)
        try:
            yield
        except BaseException:
            self._close("")
            raise
        self.end()

    def begin(self, what: str) -> None:
        """End the step before, and name the next."""
        self.end()
        self._what, self._begun_s, self._count, self._drawn_s = what, self._clock(), "", 0.0
        self._write(f"  {what} …")

    def progress(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` (0: unknown) of a step's parts are behind; a step of another name begins."""
        if what != self._what:
            self.begin(what)
        self._count = f"{done:,} of {total:,}" if total else f"{done:,}" if done else ""
        if self._terminal() and self._clock() - self._drawn_s >= REDRAW_EVERY_S:
            self._drawn_s = self._clock()
            self._write(f"\r  {what} … {self._count}")

    def end(self) -> None:
        """Say how long the step has taken."""
        if self._what:
            count = f"{self._count}, " if self._count else ""
            self._close(f" {count}{self._clock() - self._begun_s:.1f} s")

    def say(self, text: str) -> None:
        """A line of its own."""
        with self.aside():
            self._write(f"{text}\n")

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """For lines that are written elsewhere: the step under way is named again below them."""
        if self._what:
            self._write("\n")
        yield
        if self._what:
            self._write(f"  {self._what} …")

    def _close(self, words: str) -> None:
        if self._what:
            again = f"\r  {self._what} …" if self._drawn_s and words else ""
            self._write(f"{again}{words}\n")
        self._what = ""

    def _terminal(self) -> bool:
        return not self._broken and self._stream.isatty()

    def _write(self, text: str) -> None:
        if self._broken:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._broken = True


class Silent(Steps):
    """Says nothing."""

    def _write(self, text: str) -> None:
        return
