"""The process that follows a run's log and keeps its tables, TensorBoard and report up to date.

``python -m perch.runs.writer RUN``, started by the run itself. It ends when its standard input is closed: by the run
at the end, or by the system when the run is killed. It reads the log and nothing else, so it can be killed at any time.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from perch.log.events import Rewritten, Tail, attempts
from perch.log.folder import RunFolder
from perch.log.follower import when_input_ends
from perch.log.study_file import load_study
from perch.record.tables import Tables
from perch.record.writing import write
from perch.study import Study

LOOK_EVERY_S = 1.0
TABLES_EVERY_S = 20.0
TABLES_AT_LEAST_EVERY_S = 50.0
"""Within the minute that the contract allows."""
REPORT_EVERY_S = 45.0


class Writer:
    """Holds the followers of one run. ``mine`` is the attempt that started this process."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.study: Study = load_study(folder)
        self.mine = max(attempts(folder.events), default=0)
        self.tail = Tail(folder.events)
        self.tables = Tables(self.study.mode, self.study.epochs)
        self.board: Any = None
        self.changed = False
        self.failed: list[str] = []

    def _new_board(self, history: list[dict[str, Any]]) -> Any:
        """TensorBoard's follower; what an earlier attempt has written of ``history`` is not written again."""
        if "tensorboard" not in self.study.log:
            return None
        from perch.boards.tensorboard import TensorBoard

        began = next((e["unix_s"] for e in history if e["e"] == "attempt"), time.time())
        sign = 1.0 if self.study.mode == "min" else -1.0
        space = self.study.search_space
        return TensorBoard(self.folder.tensorboard, self.study.metric, sign, space, history, began)

    def look(self) -> None:
        """Take in what has come."""
        try:
            self._take_in()
        except Rewritten:
            self.tail, self.tables = Tail(self.folder.events), Tables(self.study.mode, self.study.epochs)
            self.board = None
            self._take_in()

    def _take_in(self) -> None:
        for events in self.tail.blocks():
            for event in events:
                self.tables.apply(event)
            self.changed = True
            self.attempt("tensorboard", functools.partial(self._follow, events))

    def _follow(self, events: list[dict[str, Any]]) -> None:
        if self.board is None:
            self.board = self._new_board(events)
        else:
            for event in events:
                self.board.applied(event)
        if self.board is not None:
            self.board.flush()

    def write_tables(self) -> None:
        """Write tables and summary, if anything has come since."""
        if self.changed and max(attempts(self.folder.events), default=0) <= self.mine:
            write(self.folder, self.tables, self.study)
            self.changed = False

    def write_report(self) -> None:
        """Refresh the report; its failure is printed and does not keep the tables from being written."""
        if os.environ.get("PERCH_REPORT") == "0":  # a comparison reports on its runs together
            return
        from perch.report import refresh

        if self.folder.curves.is_file():
            self.attempt("report", lambda: refresh(self.folder.path))

    def attempt(self, what: str, call: Callable[[], Any]) -> None:
        """Call, and note what failed: tables must be written whatever a picture does."""
        try:
            call()
        except Exception:
            traceback.print_exc()
            if what not in self.failed:
                self.failed.append(what)

    def finish(self) -> None:
        """Write everything for the last time."""
        self.look()
        if self.tables.closed is None:  # the run's process has ended and did not say how
            self.tables.closed, self.changed = {"why": "interrupted", "reason": "it was killed"}, True
        self.write_tables()
        if self.board is not None:
            self.attempt("tensorboard", self.board.close)
        if (
            self.tables.closed is None or self.tables.closed["why"] != "done"
        ):  # else the run writes it, with its figures
            self.write_report()


def follow(folder: RunFolder, ended: threading.Event) -> list[str]:
    """Follow a run until ``ended`` is set; returns what failed."""
    writer = Writer(folder)
    tables_s = report_s = time.monotonic()
    rest_s, pause_s = TABLES_EVERY_S, REPORT_EVERY_S
    while not ended.wait(LOOK_EVERY_S):
        writer.look()
        now = time.monotonic()
        if now - tables_s >= rest_s:
            writer.write_tables()
            tables_s = time.monotonic()
            rest_s = min(max(TABLES_EVERY_S, 20 * (tables_s - now)), TABLES_AT_LEAST_EVERY_S)
        if now - report_s >= pause_s:
            writer.write_report()
            report_s = time.monotonic()
            pause_s = max(REPORT_EVERY_S, 20 * (report_s - now))  # a large run's page is drawn less often
    writer.finish()
    return writer.failed


def main() -> None:
    """Follow the run named on the command line until standard input ends."""
    failed = follow(RunFolder(Path(sys.argv[1])), when_input_ends())
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        sys.exit(1)


@contextlib.contextmanager
def writer_process(folder: RunFolder) -> Iterator[subprocess.Popen[bytes]]:
    """The process that turns the log into tables, TensorBoard and report while the run goes on."""
    folder.logs.mkdir(exist_ok=True)
    with (folder.logs / "writer.log").open("ab") as log:
        command = [sys.executable, "-m", "perch.runs.writer", str(folder.path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()  # the writer reads the rest of the log, writes all once more, and ends


if __name__ == "__main__":
    main()
