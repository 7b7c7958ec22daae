"""TensorBoard from the event log: scalars while the run goes on, HParams from a trial's first report.

Folders under ``tensorboard/``:

* ``trials/00007`` one TensorBoard run per configuration (``trials/00007.2`` is the trial's third segment under PBT);
  steps are epochs;
* ``confirm/…`` the same for trials that are trained again with fresh seeds;
* ``best`` the incumbent, with steps in consumed seconds, and what the HParams page needs to know about the space;
* ``lineage/00003.2`` (PBT) the path that led to the best, through all its ancestors, as one continuous run.

No file stays open: a flush opens, appends and closes. After a kill the log is replayed, and what has been written is not
written again: ``position.json`` says how far, and what the killed flush wrote beyond is recognised, since equal events
make equal bytes.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from perch.boards import messages
from perch.boards.best_path import BestPath, run_name
from perch.boards.event_file import FILE_NAME, append, repair
from perch.record.ancestry import Segment
from perch.space import Space
from perch.strategies.strategy import Event
from perch.vocabulary import DIVERGED, STATUS_OF

POSITION_FILE: Final = "position.json"
FLUSH_AT_RECORDS: Final = 20_000
"""Records noted before a flush happens by itself, so that memory stays bounded whoever drives the follower."""


@dataclass(slots=True)
class _Live:
    """What must be remembered of a trial that still reports: its present segment."""

    segment: Segment
    config: Mapping[str, Any]
    phase: str = "search"
    begun: bool = False
    best: float | None = None
    """Lowest value, as the log has it."""

    @property
    def folder(self) -> str:
        """The folder of its event file under ``tensorboard/``."""
        return f"{'trials' if self.phase == 'search' else self.phase}/{run_name(self.segment)}"


@dataclass
class TensorBoard:
    """Writes ``folder`` from the events of a run.

    ``sign`` is -1 when more of ``metric`` is better: the log's values are then its negatives. ``history`` holds the events of earlier attempts: they are applied
    at once, and written only as far as they have not been. ``started_s`` is the wall time (Unix) at zero consumed
    seconds.
    """

    folder: Path
    metric: str
    sign: float = 1.0
    space: Space | None = None
    history: Sequence[Event] = ()
    started_s: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self._live: dict[str, _Live] = {}
        self._parents: dict[Segment, tuple[str, int, int]] = {}
        self._best_path = BestPath(self.folder)
        self._best: tuple[float, Segment] | None = None
        self._pending: dict[str, list[bytes]] = {}
        self._noted = 0
        self._seen = 0
        self._used_s = 0.0
        self._written = self._resume()
        self._repaired = self._written == 0
        for event in self.history:
            self.applied(event)
        self.history = ()

    def applied(self, event: Event) -> None:
        """Take note of one event."""
        self._seen += 1
        self._used_s = max(self._used_s, float(event.get("used_s") or 0.0))
        kind = event["e"]
        if kind == "trial":
            self._live[event["id"]] = _Live((event["id"], 0), event["config"], event.get("phase", "search"))
        elif kind == "result":
            self._result(event)
        elif kind == "error":
            self._end(event["id"], failed=event.get("failure") not in STATUS_OF or event["failure"] == DIVERGED)
        if self._noted >= FLUSH_AT_RECORDS:
            self.flush()

    def flush(self) -> None:
        """Append what was noted; then remember how far the log has been written."""
        if not self._repaired:
            self._forget_what_is_written()
        for name, noted in self._pending.items():
            append(self._file(name), noted)
        self._pending, self._noted = {}, 0
        if self._parents and self._best is not None:
            self._best_path.update(self._best[1], self._parents)
        if self._seen > self._written:
            self._written = self._seen
            self._save_position()

    def close(self) -> None:
        """Write the rest."""
        self.flush()

    def _result(self, event: Event) -> None:
        trial, value = event["id"], event.get("value")
        live = self._live.get(trial)
        if live is None:
            return  # it has ended: a late report of a lost worker
        if value is not None and (live.best is None or value < live.best):
            live.best = float(value)
        if not live.begun:
            live.begun = True
            self._columns()
            name = run_name(live.segment)
            self._note(live.folder, lambda: messages.hparams(self._wall_s, name, self._plain(live.config)))
        tags = self._tags(event, live)
        self._note(live.folder, lambda: messages.scalars(self._wall_s, int(event["epoch"]), tags))
        self._incumbent(live)
        if event.get("d") == "stop":
            self._end(trial, failed=False)
        elif exploit := event.get("x"):
            self._end(trial, failed=False)
            segment = (trial, live.segment[1] + 1)
            self._live[trial] = _Live(segment, exploit["config"], live.phase)
            self._parents[segment] = (exploit["donor"], int(exploit["seg"]), int(exploit["epoch"]))

    def _tags(self, event: Event, live: _Live) -> dict[str, float]:
        tags = {k: v for k, v in (event.get("m") or {}).items() if k != "epoch"}
        if live.best is not None:
            tags[f"best_{self.metric}"] = self.sign * live.best
            if event.get("value") is not None:
                tags[self.metric] = self.sign * event["value"]
        return tags

    def _incumbent(self, live: _Live) -> None:
        if live.best is None or live.phase != "search" or (self._best is not None and live.best >= self._best[0]):
            return
        self._best = (live.best, live.segment)
        tags = {f"incumbent/{self.metric}": self.sign * live.best}
        self._note("best", lambda: messages.scalars(self._wall_s, int(self._used_s), tags))

    def _end(self, trial: str, *, failed: bool) -> None:
        live = self._live.pop(trial, None)
        if live is not None and live.begun:
            self._note(live.folder, lambda: messages.end(self._wall_s, failed=failed))

    def _columns(self) -> None:
        space = self.space
        if space is None or "best" in self._pending or self._file("best").exists():
            return
        tags = {f"best_{self.metric}": f"best {self.metric}", self.metric: f"last {self.metric}"}
        if self.metric != "test_mae_ev":
            tags["test_mae_ev"] = "last test_mae_ev"
        self._note("best", lambda: messages.experiment(self._wall_s, space, tags))

    def _note(self, name: str, record: Any) -> None:
        """Keep a record for the next flush; nothing is made of events that were written by an earlier attempt."""
        if self._seen <= self._written:
            return
        noted = self._pending.setdefault(name, [])
        if not noted and not self._file(name).exists():
            noted.append(messages.version(self.started_s))
        noted.append(record())
        self._noted += 1

    @property
    def _wall_s(self) -> float:
        return self.started_s + self._used_s

    def _plain(self, config: Mapping[str, Any]) -> dict[str, str | float | bool]:
        return messages.plain(config, self.space)

    def _file(self, name: str) -> Path:
        return self.folder / name / FILE_NAME

    def _resume(self) -> int:
        """How many events earlier attempts have written; folders that know more than the log are made anew."""
        try:
            written = int(json.loads((self.folder / POSITION_FILE).read_text(encoding="utf-8"))["events"])
        except (OSError, ValueError, KeyError):
            written = 0
        if written == 0 or written > len(self.history):
            for name in ("trials", "confirm", "best", "lineage"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            return 0
        return written

    def _forget_what_is_written(self) -> None:
        """A kill between the files and ``position.json`` leaves records that replay would write twice, or half of one."""
        for name, noted in self._pending.items():
            known = repair(self._file(name))
            self._pending[name] = [record for record in noted if record not in known]
        self._repaired = True

    def _save_position(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / f"{POSITION_FILE}.new"
        new.write_text(json.dumps({"events": self._written}), encoding="utf-8")
        new.replace(self.folder / POSITION_FILE)
