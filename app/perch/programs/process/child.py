"""A program as a child: started without a shell in a folder, group and log of its own, stopped for certain."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perch.errors import TrialError

RESULT: Final = ".perch-exit.json"
GUARD: Final = Path(__file__).with_name("guard.py")

_OURS: Final = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    "UV_RUN_RECURSION_DEPTH",
)
_OUR_PREFIXES: Final = ("RAY_", "TUNE_", "PERCH_", "SLURM_", "SBATCH_", "PMI_", "PMIX_", "OMPI_")
"""Of Ray, of this project, and of the job: a program that sees a Slurm job of many tasks takes itself for one of them."""


@dataclass(frozen=True)
class Exit:
    """How a program ended. ``code`` is negative for a signal, None when nobody saw it. ``left``: processes it left running."""

    code: int | None
    left: tuple[str, ...] = ()
    error: str = ""
    out_of_memory: bool = False
    peak_memory_bytes: int = 0
    """Of the largest of its processes; 0 where it is not known."""

    @property
    def words(self) -> str:
        """In words."""
        if self.error:
            return f"it could not be started: {self.error}"
        if self.code is None:
            return "its exit code is not known"
        if self.code < 0:
            return f"killed by {_signal_name(-self.code)}"
        return f"exit code {self.code}"


def _signal_name(number: int) -> str:
    """SIGTERM, say; of signals without a name of their own the number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def environment(extra: Mapping[str, str], inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program: the worker's, without what belongs to Perch, Ray and the job, and ``extra``."""
    source = os.environ if inherited is None else inherited
    kept = {k: v for k, v in source.items() if k not in _OURS and not k.startswith(_OUR_PREFIXES)}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


def find_program(word: str, folder: Path) -> str | None:
    """Where a command's first word lies, or None."""
    return shutil.which(word if "/" not in word or Path(word).is_absolute() else str(folder / word))


class Child:
    """A running program. Ended by ``stop``, and by the end of this process, however that comes."""

    def __init__(self, words: Sequence[str], folder: Path, log: Path, env: Mapping[str, str], grace_s: float) -> None:
        self.words, self.folder, self.log = list(words), folder, log
        self.result = folder / RESULT
        self.result.unlink(missing_ok=True)
        spec = {
            "command": self.words,
            "folder": str(folder),
            "log": str(log),
            "result": str(self.result),
            "grace_s": grace_s,
        }
        self.grace_s = grace_s
        self.began_s = time.monotonic()
        with log.open("ab") as out:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), json.dumps(spec)], cwd=folder, env=dict(env),
                stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self._exit: Exit | None = None
        self._held = False

    @property
    def pid(self) -> int | None:
        """The program's process id; None before it runs."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.folder / (RESULT + ".pid")).read_text())
        return None

    def poll(self) -> Exit | None:
        """How it ended; None while it runs."""
        if self._exit is None and self._guard.poll() is not None:
            self._exit = self._read()
        return self._exit

    def hold(self) -> None:
        """Let it stand still: its worker has nothing for it to do."""
        self._held = True
        self._say("hold")

    def go(self) -> None:
        """Let it go on."""
        if self._held:
            self._held = False
            self._say("go")

    def stop(self, grace_s: float | None = None) -> Exit:
        """TERM, then after the grace KILL, for the program and whatever it started; returns when all of it is gone."""
        grace_s = self.grace_s if grace_s is None else grace_s
        if self._guard.poll() is None:
            self._say(f"grace {grace_s}")
            if self._guard.stdin is not None:
                with contextlib.suppress(OSError):
                    self._guard.stdin.close()
            try:
                self._guard.wait(grace_s + 30)
            except subprocess.TimeoutExpired as error:
                self._guard.kill()
                raise TrialError(
                    f"the program '{self.words[0]}' cannot be stopped", why="it stays after KILL, as a process does that waits for a device or a file system",
                    fix="look at the node",
                ) from error  # fmt: skip
        if self._exit is None:
            self._exit = self._read()
        return self._exit

    def _say(self, line: str) -> None:
        if self._guard.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._guard.stdin.write(f"{line}\n".encode())
                self._guard.stdin.flush()

    def _read(self) -> Exit:
        try:
            found: dict[str, Any] = json.loads(self.result.read_text())
        except (OSError, ValueError):
            return Exit(None)
        return Exit(found["code"], tuple(found["left"]), found["error"], bool(found["oom"]), int(found["rss"]))


def last_lines(log: Path, count: int = 12, limit_bytes: int = 4000) -> str:
    """The end of what a program printed."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 4 * limit_bytes, 0))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.rstrip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    return "\n".join(lines[-count:])[-limit_bytes:]
