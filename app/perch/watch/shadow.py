"""The page of a run from its log alone, as it is at this moment; nothing is written into the run's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from perch.errors import RecordError
from perch.log.events import Rewritten, Tail
from perch.log.folder import RunFolder
from perch.log.study_file import load_study
from perch.record.tables import Tables
from perch.record.writing import write
from perch.report.drawing import draw_all
from perch.report.page import render
from perch.report.write import load


class Shadow:
    """Follows a log, and makes the page from tables of its own in ``scratch``.

    Raises RecordError where there is no run, or one without a log.
    """

    def __init__(self, run: Path, scratch: Path) -> None:
        self.run = RunFolder(run.absolute())
        if not self.run.path.is_dir():
            raise RecordError(f"no run at '{run}'", why="there is no such folder", fix="give the folder of a run")
        self.study = load_study(self.run)
        if not self.run.events.is_dir():
            raise RecordError(
                f"'{run}' cannot be watched", why="it holds no log", fix="look at its report: perch report RUN"
            )
        self.tables, self.tail, self.seen = self._fresh()
        self.folder = RunFolder(scratch / self.run.id)
        self.folder.path.mkdir()
        for name in ("study.yaml", "events", "best"):
            (self.folder.path / name).symlink_to(self.run.path / name)

    def _fresh(self) -> tuple[Tables, Tail, int]:
        return Tables(self.study.mode, self.study.epochs), Tail(self.run.events), 0

    def look(self) -> str:
        """Take in what has come; returns the version of the log, another one after each event."""
        try:
            events = self.tail.new()
        except Rewritten:  # a newer attempt accepts less of the log than was read
            self.tables, self.tail, _ = self._fresh()
            events = self.tail.new()
        for event in events:
            self.tables.apply(event)
        self.seen += len(events)
        return f"{self.tables.attempt}-{self.seen}"

    @property
    def ended(self) -> bool:
        """True when the newest attempt has closed its log."""
        return self.tables.closed is not None

    def page(self, version: str) -> str:
        """The page of what has been taken in."""
        write(self.folder, self.tables, self.study)
        report = replace(load(self.folder.path), folder=self.run.path)
        return render(report, draw_all(report), {}, live=version)
