"""Dragonfly's process: found, started, asked over a pipe, restarted when it dies, and given up after three deaths."""

from __future__ import annotations

import json
import logging
import os
import queue
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from perch.errors import StrategyError
from perch.space import Choice, Space
from perch.strategies.plan import Plan
from perch.strategies.registry import read_settings
from perch.strategies.searchers.ahead import AheadSearch, Port, Question, Reply
from perch.strategies.searchers.dragonfly import dragonfly_search

LOG = logging.getLogger("perch.dragonfly")

MOST_DEATHS: Final = 3
START_LIMIT_S: Final = 120.0
ASK_LIMIT_S: Final = 300.0
BUILD: Final = "run 'make dragonfly' (uv sync --project app/dragonfly), or set PERCH_DRAGONFLY_PYTHON to its python"

_HERE = Path(__file__).resolve().parents[2]  # app/


class ProcessDied(Exception):
    """The process ended, or did not answer in time."""


# --- where it is ---------------------------------------------------------------------------------------------------------


def python() -> Path | None:
    """The interpreter of Dragonfly's environment: PERCH_DRAGONFLY_PYTHON, beside the source, or the image's own."""
    if given := os.environ.get("PERCH_DRAGONFLY_PYTHON"):
        return Path(given) if Path(given).is_file() else None
    for place in (_HERE / "dragonfly/.venv/bin/python", Path("/opt/perch/dragonfly/bin/python")):
        if place.is_file():
            return place
    return None


def server(interpreter: Path) -> Path | None:
    """The program ``serve.py``: beside the package's source, or in a folder above the interpreter."""
    for folder in (_HERE / "dragonfly", *interpreter.parents[1:4]):
        if (folder / "serve.py").is_file():
            return folder / "serve.py"
    return None


def require() -> tuple[Path, Path]:
    """Interpreter and program. Raises StrategyError that says how to build what is missing."""
    interpreter = python()
    if interpreter is None:
        given = os.environ.get("PERCH_DRAGONFLY_PYTHON")
        why = f"PERCH_DRAGONFLY_PYTHON is {given}, which is no file" if given else "no environment was built for it"
        raise StrategyError(
            "Dragonfly is not installed", why=why, fix=f"{BUILD}; every other strategy works without it"
        )
    program = server(interpreter)
    if program is None:
        raise StrategyError(
            "Dragonfly's server program is missing", why="no serve.py beside its environment", fix=BUILD
        )
    return interpreter, program


def status() -> tuple[bool, str, str]:
    """For ``perch doctor``: whether Dragonfly answers, what there is, and what to do about it."""
    try:
        interpreter, _ = require()
    except StrategyError as error:
        return False, f"{error.what}: {error.why}", error.fix
    begun = time.perf_counter()
    code = "import dragonfly, numpy; from importlib.metadata import version; print(version('dragonfly-opt'), numpy.__version__)"
    command = [str(interpreter), "-W", "ignore", "-c", code]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=START_LIMIT_S, env=_environment(), check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"Dragonfly's environment does not start: {error}", BUILD
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return False, f"Dragonfly cannot be imported: {last}", BUILD
    versions = done.stdout.split()
    took = time.perf_counter() - begun
    return True, f"dragonfly-opt {versions[0]} (numpy {versions[1]}, starts in {took:.1f} s): {interpreter}", ""


def searcher(spec: str | Mapping[str, Any], plan: Plan, *, port: Port | None = None) -> AheadSearch | None:
    """The searcher for a strategy that uses Dragonfly, None for every other. No process starts before the first question.

    Raises StrategyError when the environment is missing.
    """
    entry, settings = read_settings(spec)
    if entry.searcher != "dragonfly":
        return None
    if port is None:
        port = DragonflyProcess(plan.space, plan.seed, stock=settings.stock)
    return dragonfly_search(plan, settings, port)


# --- the process ---------------------------------------------------------------------------------------------------------


class DragonflyProcess:
    """A port whose questions are answered one after another by a thread that owns the process.

    ``wait``: ``ask`` blocks until the reply is there, for studies on a virtual clock.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        stock: bool = False,
        wait: bool = False,
        command: list[str] | None = None,
        ask_limit_s: float = ASK_LIMIT_S,
    ) -> None:
        self._command = command or [str(require()[0]), "-W", "ignore", str(require()[1])]
        self._opening = {"do": "open", **describe(space), "seed": seed, "stock": stock}
        self._single = _single(space)
        self._wait, self._ask_limit_s = wait, ask_limit_s
        self._lock = threading.Condition()
        self._questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._asked: set[tuple[int, int, int]] = set()
        self._replies: dict[tuple[int, int, int], Reply] = {}
        self._forgotten = -1
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._buffer = b""
        self._line = 0
        self._closed = False
        self.deaths: list[str] = []
        """Why the process was lost, each time."""

    def ask(self, question: Question) -> Reply | None:
        """The reply if it is there; else the question is put, once."""
        with self._lock:
            if question.key not in self._asked:
                self._asked.add(question.key)
                self._questions.put(question)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._serve, name="dragonfly", daemon=True)
                    self._thread.start()
            if self._wait:
                self._lock.wait_for(lambda: question.key in self._replies)
            return self._replies.get(question.key)

    def forget(self, number: int) -> None:
        """Drop replies up to that number, and skip questions that were never begun."""
        with self._lock:
            self._forgotten = max(self._forgotten, number)
            for key in [k for k in self._replies if k[0] <= number]:
                del self._replies[key]

    def reopen(self, space: Space, seed: int, *, stock: bool = False, fast: bool = False) -> None:
        """Use the same process for another study (after the last reply of the one before): saves its start.

        ``fast``: stock Dragonfly with its acquisition maximised a generation at a time.
        """
        self._opening = {"do": "open", **describe(space), "seed": seed, "stock": stock, "fast": fast}
        self._single = _single(space)
        with self._lock:
            self._asked.clear()
            self._replies.clear()
            self._forgotten = -1
        if self._process is not None:
            answer = self._exchange(self._opening, START_LIMIT_S)
            if "error" in answer:
                raise ProcessDied(answer["error"])

    @property
    def lost(self) -> bool:
        """True once the process is given up."""
        return len(self.deaths) >= MOST_DEATHS

    def close(self) -> None:
        """End the process and its thread."""
        self._closed = True
        self._questions.put(None)
        self._kill()
        if self._thread is not None:
            self._thread.join(5)

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while (question := self._questions.get()) is not None:
            if question.number <= self._forgotten and not self._wait:
                continue
            try:
                reply = self._answer(question)
            except Exception as error:  # whoever waits must hear of it
                LOG.exception("question %d to Dragonfly", question.number)
                reply = Reply(trouble=f"{type(error).__name__}: {error}")
            with self._lock:
                self._replies[question.key] = reply
                self._lock.notify_all()

    def _answer(self, question: Question) -> Reply:
        line = {
            "do": "ask",
            "number": question.number,
            "results": [[t.config, t.value, t.note.get("acq")] for t in question.results],
            "pending": question.pending,
            "built": question.built,
        }
        while not self.lost and not self._closed:
            begun = time.perf_counter()
            try:
                if self._process is None:
                    self._start()
                answer = self._exchange(line, self._ask_limit_s)
            except (ProcessDied, OSError, ValueError) as error:
                if not self._closed:
                    self._died(error)
                continue
            took = time.perf_counter() - begun
            if "error" in answer:
                LOG.warning("Dragonfly could not answer question %d: %s", question.number, answer["error"])
                return Reply(trouble=answer["error"], ask_s=took)
            return Reply({**answer["config"], **self._single}, answer["note"], ask_s=round(took, 4))
        if self._closed:
            self._kill()
            return Reply(trouble="the run has ended")
        return Reply(trouble=f"given up after {MOST_DEATHS} deaths, the last: {self.deaths[-1]}")

    def _start(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._buffer = b""
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
            env=_environment(), start_new_session=True,
        )  # fmt: skip
        answer = self._exchange(self._opening, START_LIMIT_S)
        if "error" in answer:
            raise ProcessDied(answer["error"])

    def _exchange(self, line: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """Write one line, read its answer."""
        process = self._process
        assert process is not None and process.stdin is not None
        self._line += 1
        process.stdin.write((json.dumps({"id": self._line, **line}) + "\n").encode())
        process.stdin.flush()
        until = time.monotonic() + limit_s
        while True:
            answer: dict[str, Any] = json.loads(self._read_line(process, until))
            if answer["id"] == self._line:
                return answer

    def _read_line(self, process: subprocess.Popen[bytes], until: float) -> bytes:
        assert process.stdout is not None
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([process.stdout], [], [], max(until - time.monotonic(), 0))
            if not ready:
                raise ProcessDied("no answer in time")
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise ProcessDied(f"it ended with status {process.wait(5)}")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _died(self, error: Exception) -> None:
        self._kill()
        said = self._last_words()
        self.deaths.append(f"{error}{f' ({said})' if said else ''}")
        if self.lost:
            LOG.error(
                "Dragonfly died %d times and is given up: from here on RANDOM SEARCH. %s", MOST_DEATHS, self.deaths[-1]
            )
        else:
            LOG.warning("Dragonfly's process was lost and is started again: %s", self.deaths[-1])

    def _last_words(self) -> str:
        if self._said is None:
            return ""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was not written yet is of no use to a dead process
                    LOG.debug("closing a pipe of a dead process", exc_info=True)


def describe(space: Space) -> dict[str, Any]:
    """The space in the server's words; a choice of one value is a fixed value."""
    axes: list[dict[str, Any]] = []
    fixed = {**space.fixed, **_single(space)}
    for name, dimension in space.dimensions.items():
        if name not in fixed:
            axes.append({"name": name, **dimension.spec()})
    return {"axes": axes, "fixed": fixed, "where": list(space.where)}


def _single(space: Space) -> dict[str, Any]:
    """Dimensions that have no choice, which Dragonfly is not asked about."""
    return {k: d.values[0] for k, d in space.dimensions.items() if isinstance(d, Choice) and len(d.values) == 1}


def _environment() -> dict[str, str]:
    """The environment without what would mix the two Pythons."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "UV_"))}
