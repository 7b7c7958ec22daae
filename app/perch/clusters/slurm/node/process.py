"""A child process whose output is kept, shown and watched for a line."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


def show(text: str) -> None:
    """Print a line. When nobody listens any more (srun died with its node), the work goes on in silence."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Child:
    """Runs a command given as a list.

    Puts ``(name, "ready")`` into ``events`` when a line holds ``ready_line``, and ``(name, exit code)`` at its end; a death
    by signal counts as 128 + signal, as in a shell. Output goes to ``log``, and to our own when ``echo``.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        events: queue.SimpleQueue[Any],
        *,
        echo: bool = False,
        ready_line: str | None = None,
    ) -> None:
        self.name, self._log, self._events, self._echo, self._ready_line = name, log, events, echo, ready_line
        self.tail: deque[str] = deque(maxlen=40)
        self.exit_code: int | None = None
        self.process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a signal to our group is ours to pass on
        )
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"read-{name}")
        self._reader.start()
        threading.Thread(target=self._wait, daemon=True, name=f"wait-{name}").start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, if it still lives."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def stop(self, *, grace_s: float) -> None:
        """TERM, then KILL for the whole session of the child."""
        self.signal(signal.SIGTERM)
        self._ended.wait(grace_s)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._ended.wait(grace_s)

    def last_lines(self, count: int = 15) -> str:
        """The end of its output, indented."""
        return "\n".join(f"    {line}" for line in list(self.tail)[-count:])

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self._log.open("ab", buffering=0) as log:
            for line in self.process.stdout:
                # The log's disk may be full: what the user sees and waits for matters more.
                with suppress(OSError):
                    log.write(line)
                text = line.decode(errors="replace").rstrip("\n")
                self.tail.append(text)
                if self._echo:
                    show(text)
                if self._ready_line and self._ready_line in text:
                    self._events.put((self.name, "ready"))

    def _wait(self) -> None:
        code = self.process.wait()
        self._reader.join(1.0)  # grandchildren may hold the pipe open: the last lines are worth a second, not more
        self.exit_code = 128 - code if code < 0 else code
        self._ended.set()
        self._events.put((self.name, self.exit_code))
