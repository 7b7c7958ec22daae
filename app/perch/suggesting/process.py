"""A process that answers a searcher's questions over a pipe: started, asked, restarted when it dies, and left alone for a while after three deaths within an hour.

One JSON object per line in, one per line out: first ``{"do": "open", …}``, then ``{"do": "ask", "number": …, "from": …,
"results": …, "pending": …}``. Every line has an ``id``, which its answer repeats. ``results`` are those that have come since the
last question: the process keeps the first ``from`` of those that it knows and appends them.
"""

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
from typing import IO, Any, Final

from perch.strategies.searchers.observations import Observation
from perch.strategies.searchers.prefetch import Question, Reply
from perch.strategies.strategy import Config

MOST_DEATHS: Final = 3
"""Within ``FORGIVEN_AFTER_S``: what kills it so often would kill it at each question."""
FORGIVEN_AFTER_S: Final = 3600.0
START_LIMIT_S: Final = 120.0
ASK_LIMIT_S: Final = 300.0
CLOSE_LIMIT_S: Final = 5.0


class ProcessDied(Exception):
    """The process ended, or did not answer in time."""


class AskedProcess:
    """A port whose questions are answered one after another by a thread that owns the process.

    Nothing starts before ``prepare`` or the first question.
    """

    def __init__(
        self,
        title: str,
        command: list[str],
        opening: Mapping[str, Any],
        *,
        environment: Mapping[str, str],
        fixed: Config | None = None,
        wait: bool = False,
        ask_limit_s: float = ASK_LIMIT_S,
    ) -> None:
        """Make one.

        Args:
            title: what messages call it.
            command: starts the process.
            opening: the first line that it is sent.
            environment: all of the process's environment.
            fixed: values that every reply holds and the process is not asked about.
            wait: ``ask`` blocks until the reply is there, for studies on a virtual clock.
            ask_limit_s: seconds after which a silent process counts as dead.
        """
        self._title, self._command = title, command
        self._opening, self._environment, self._fixed = opening, environment, fixed or {}
        self._wait, self._ask_limit_s = wait, ask_limit_s
        self._log = logging.getLogger(f"perch.{title.lower().replace(' ', '_')}")
        self._lock = threading.Condition()
        self._came = threading.Event()
        self._questions: queue.SimpleQueue[Question | str] = queue.SimpleQueue()
        self._asked: set[tuple[int, int, int]] = set()
        self._replies: dict[tuple[int, int, int], Reply] = {}
        self._forgotten = -1
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._buffer = b""
        self._line = 0
        self._closed = False
        self._known: tuple[Observation, ...] = ()
        """Results that the process has been sent."""
        self._died_s: list[float] = []
        self.deaths: list[str] = []
        """Why the process was lost, each time."""

    def prepare(self) -> None:
        """Start the process: questions will come."""
        with self._lock:
            if self._thread is None:
                self._put("start")

    def ask(self, question: Question) -> Reply | None:
        """The reply if it is there; else the question is put, once."""
        with self._lock:
            if question.key not in self._asked:
                self._asked.add(question.key)
                self._put(question)
            if self._wait:
                self._lock.wait_for(lambda: question.key in self._replies)
            return self._replies.get(question.key)

    def wait(self, seconds: float) -> None:
        """Block until a reply comes, at most so long; at once where one has come since the last wait."""
        if self._came.wait(seconds):
            self._came.clear()

    def forget(self, number: int) -> None:
        """Drop replies up to that number, and skip questions that were never begun."""
        with self._lock:
            self._forgotten = max(self._forgotten, number)
            for key in [k for k in self._replies if k[0] <= number]:
                del self._replies[key]

    @property
    def lost(self) -> bool:
        """True while the process is given up: it has died three times within the last hour."""
        now_s = self._now_s()
        return sum(now_s - died_s < FORGIVEN_AFTER_S for died_s in self._died_s) >= MOST_DEATHS

    def _now_s(self) -> float:
        return time.monotonic()

    def close(self) -> None:
        """End the process and its thread."""
        self._closed = True
        self._questions.put("end")
        self._kill()
        if self._thread is not None:
            self._thread.join(CLOSE_LIMIT_S)

    def open_anew(self, opening: Mapping[str, Any], fixed: Config) -> None:
        """Use the same process for another study (after the last reply of the one before): saves its start."""
        self._opening, self._fixed = opening, fixed
        with self._lock:
            self._asked.clear()
            self._replies.clear()
            self._forgotten = -1
        self._known = ()
        if self._process is not None:
            answer = self._exchange(self._opening, START_LIMIT_S)
            if "error" in answer:
                raise ProcessDied(answer["error"])

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _put(self, what: Question | str) -> None:
        """Leave work for the thread, which is started with the first; under the lock."""
        self._questions.put(what)
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._serve, name=self._title, daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        while (question := self._questions.get()) != "end":
            if not isinstance(question, Question):
                self._started()
                continue
            if question.number <= self._forgotten and not self._wait:
                continue
            try:
                reply = self._answer(question)
            except Exception as error:  # what waits must get a reply
                self._log.exception("question %d to %s", question.number, self._title)
                reply = Reply(trouble=f"{type(error).__name__}: {error}")
            with self._lock:
                self._replies[question.key] = reply
                self._lock.notify_all()
            self._came.set()

    def _answer(self, question: Question) -> Reply:
        while not self.lost and not self._closed:
            begun = time.perf_counter()
            if not self._started():
                continue
            try:
                answer = self._exchange(self._line_of(question), self._ask_limit_s)
            except (ProcessDied, OSError, ValueError) as error:
                self._died(error)
                continue
            took = time.perf_counter() - begun
            self._known = () if "error" in answer else question.results
            if "error" in answer:
                self._log.warning("%s could not answer question %d: %s", self._title, question.number, answer["error"])
                return Reply(trouble=answer["error"], ask_s=took)
            return Reply({**answer["config"], **self._fixed}, answer["note"], ask_s=round(took, 4))
        if self._closed:
            return Reply(trouble="the run has ended")
        return Reply(trouble=f"given up after {MOST_DEATHS} deaths within an hour, the last: {self.deaths[-1]}")

    def _line_of(self, question: Question) -> dict[str, Any]:
        """The question with those results that the process does not know. Results are only ever added to, in one order."""
        known, results = self._known, question.results
        shared = min(len(known), len(results))
        if shared and known[shared - 1] is not results[shared - 1]:
            shared = 0
        return {
            "do": "ask", "number": question.number, "from": shared,
            "results": [[t.config, t.value, t.note.get("acq", t.note.get("epoch"))] for t in results[shared:]],
            "pending": question.pending, "built": question.built, **({"waiting": question.waiting} if question.waiting else {}),
        }  # fmt: skip

    def _started(self) -> bool:
        """Start the process where there is none. False, with its death noted, when it does not come up."""
        if self._process is not None:
            return True
        self._known = ()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._buffer = b""
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
                env=dict(self._environment), start_new_session=True,
            )  # fmt: skip
            if self._closed:  # while it was being started, so that close() could not see it
                raise ProcessDied("it was ended")
            answer = self._exchange(self._opening, START_LIMIT_S)
            if "error" in answer:
                raise ProcessDied(answer["error"])
        except (ProcessDied, OSError, ValueError) as error:
            self._died(error)
            return False
        return True

    def _exchange(self, line: Mapping[str, Any], limit_s: float) -> dict[str, Any]:
        """Write one line, read its answer."""
        process = self._process
        if process is None or process.stdin is None:
            raise ProcessDied("it was ended")
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
        """Note a death, unless the process was ended on purpose."""
        self._kill()
        if self._closed:
            return
        said = self._last_words()
        self._died_s.append(self._now_s())
        self.deaths.append(f"{error}{f' ({said})' if said else ''}")
        if self.lost:
            self._log.error(
                "%s died %d times within an hour and is given up until that is an hour ago: till then RANDOM SEARCH. %s",
                self._title, MOST_DEATHS, self.deaths[-1],
            )  # fmt: skip
        else:
            self._log.warning("%s's process was lost and is started again: %s", self._title, self.deaths[-1])

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
                    self._log.debug("closing a pipe of a dead process", exc_info=True)
