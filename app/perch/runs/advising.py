"""From time to time a process of low priority looks whether the run's rungs can be trusted; the run never waits for it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from perch.log.folder import RunFolder

FIRST_S: Final = 300.0
"""Before it there is little to look at."""
EVERY_S: Final = 600.0
COMMAND: Final = "perch.rehearse.during"


class Advising:
    """Starts the process when it is due, and says what it has found that is new. ``now``: seconds of a monotonic clock."""

    def __init__(self, folder: RunFolder, now: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.now = folder, now
        self.due_s = now() + FIRST_S
        self.process: subprocess.Popen[bytes] | None = None
        self.said: object = None

    def look(self) -> list[str]:
        """Called often and cheap. Lines to say: those of advice that differs from what was said last."""
        if self.process is not None:
            if self.process.poll() is None:
                return []
            self._drop()
            return self._news()
        if self.now() >= self.due_s:
            self.due_s = self.now() + EVERY_S
            self._start()
        return []

    def close(self) -> None:
        """End the process, whatever it does: what it writes is written whole or not at all."""
        if self.process is not None:
            self.process.kill()
            self._drop()

    def _start(self) -> None:
        """A machine without room for one more process gets no advice: its log says so."""
        if os.environ.get("PERCH_REPORT") == "0":  # a comparison measures its runs
            return
        with (self.folder.logs / "advice.log").open("ab") as log:
            try:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", COMMAND, str(self.folder.path)], stdin=subprocess.PIPE, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                log.write(f"not started: {error}\n".encode())

    def _drop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            process.wait()

    def _news(self) -> list[str]:
        """The advice where a rung is nearly blind, and that or the better setting is new."""
        try:
            found = json.loads(self.folder.advice.read_text(encoding="utf-8"))
            better = (found["better"] or {}).get("strategy")
            gist = (found["blind"], better)
            lines = [str(line) for line in found["says"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none yet, or not ours
            return []
        if gist == self.said or not found["blind"]:
            return []
        self.said = gist
        return [f"advice: {line}" for line in lines]
