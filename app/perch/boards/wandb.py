"""Weights & Biases from the event log: one W&B run per trial, grouped by the run; or one for all of them.

``python -m perch.boards.wandb RUN`` follows a run in a process of its own and ends when its standard input is closed.
Without a key everything is written offline, under ``RUN/wandb/``, and ``perch wandb sync RUN`` sends it later. What an
attempt that was killed had not finished is written anew from the log, so nothing is lost and nothing counts twice.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from perch.boards.best_path import run_name
from perch.home import expanded
from perch.strategies.strategy import Event
from perch.vocabulary import STATUS_OF

Mode = Literal["trials", "summary"]

MODE_VARIABLE: Final = "PERCH_WANDB"
MOST_TRIALS_ALONE: Final = 1000
"""A budget of more trials than this is shown as one W&B run, unless PERCH_WANDB says otherwise."""
LOOK_EVERY_S: Final = 2.0

OpenRun = Callable[..., Any]
"""``wandb.init``, or what stands in for it."""


@dataclass(slots=True)
class _Segment:
    """A stretch of a trial under one configuration: one W&B run in the mode ``trials``."""

    trial: str
    number: int
    config: Mapping[str, Any]
    phase: str
    by: str
    parent: str = ""
    run: Any = None
    best: float | None = None
    epochs: int = 0

    @property
    def name(self) -> str:
        """``00007``, or ``00007.2`` after two exploits."""
        return run_name((self.trial, self.number))


@dataclass
class WandbFollower:
    """Takes a run's events and writes them to W&B when flushed.

    ``folder`` is the run's; ``project`` the study's name. ``sign`` is -1 when more of ``metric`` is better.
    """

    folder: Path
    project: str
    metric: str
    strategy: str = ""
    sign: float = 1.0
    mode: Mode = "trials"
    open_run: OpenRun | None = None
    _noted: list[Event] = field(default_factory=list)
    _live: dict[str, _Segment] = field(default_factory=dict)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _best: float | None = None
    _whole: Any = None

    def __post_init__(self) -> None:
        self._done_file = self.folder / "wandb" / "finished.txt"
        self._done = set(self._done_file.read_text().split()) if self._done_file.is_file() else set()
        self._count_file = self.folder / "wandb" / "summary.count"
        self._earlier = int(self._count_file.read_text()) if self._count_file.is_file() else 0
        self._logged = 0
        if self.mode == "trials":
            self._remove_halves()

    def applied(self, event: Event) -> None:
        """Take note of one event."""
        self._noted.append(event)

    def flush(self) -> None:
        """Write what has been noted."""
        noted, self._noted = self._noted, []
        for event in noted:
            kind = event["e"]
            if kind == "trial":
                phase, by = event.get("phase", "search"), event.get("by", "")
                self._live[event["id"]] = _Segment(event["id"], 0, event["config"], phase, by)
            elif kind == "result":
                self._result(event)
            elif kind == "error" and (segment := self._live.pop(event["id"], None)) is not None:
                failure = str(event.get("failure", "failed"))
                self._end(segment, STATUS_OF.get(failure, failure))
        self._log_rows()

    def close(self) -> None:
        """Write the rest; trials in progress stay unfinished, and are written anew by whoever goes on with the run."""
        self.flush()
        for segment in self._live.values():
            if segment.run is not None:
                segment.run.finish()
        if self._whole is not None:
            self._whole.log({"trials": self._table()})
            self._whole.finish()
            self._count_file.write_text(str(self._logged))

    # --- events -----------------------------------------------------------------------------------------------------

    def _result(self, event: Event) -> None:
        segment = self._live.get(event["id"])
        if segment is None:
            return
        value = event.get("value")
        segment.epochs = int(event["epoch"])
        if value is not None and (segment.best is None or value < segment.best):
            segment.best = float(value)
        if self.mode == "trials" and segment.name not in self._done:
            segment.run = segment.run or self._open(segment)
            numbers = {k: v for k, v in (event.get("m") or {}).items() if v is not None and k != "epoch"}
            if value is not None:
                numbers[self.metric] = self.sign * value
            segment.run.log({**numbers, "used_s": event.get("used_s", 0.0)}, step=segment.epochs)
        if event.get("d") == "stop":
            del self._live[event["id"]]
            self._end(segment, "stopped" if event.get("rung") is not None else "completed")
        elif (exploit := event.get("x")) is not None:
            self._end(segment, "exploited")
            parent = f"{run_name((exploit['donor'], int(exploit['seg'])))} epoch {exploit['epoch']}"
            self._live[event["id"]] = _Segment(
                segment.trial, segment.number + 1, exploit["config"], segment.phase, segment.by, parent
            )

    def _end(self, segment: _Segment, status: str) -> None:
        failed = status not in ("stopped", "completed", "exploited")
        best = None if segment.best is None else self.sign * segment.best
        if self.mode == "summary":
            self._row(segment, status, best)
        elif segment.name not in self._done:
            segment.run = segment.run or self._open(segment)
            segment.run.summary.update({"status": status, f"best_{self.metric}": best, "epochs": segment.epochs})
            segment.run.finish(exit_code=1 if failed else 0)
            self._done.add(segment.name)
            with self._done_file.open("a") as file:
                file.write(segment.name + "\n")

    def _row(self, segment: _Segment, status: str, best: float | None) -> None:
        """One trial of the one W&B run."""
        if (
            best is not None
            and segment.phase == "search"
            and (self._best is None or self.sign * best < self.sign * self._best)
        ):
            self._best = best
        row = {"trial": segment.name, "phase": segment.phase, "status": status, "epochs": segment.epochs}
        self._rows.append({**row, self.metric: best, f"best_{self.metric}": self._best, **segment.config})

    def _log_rows(self) -> None:
        """The rows that are new, unless an earlier attempt has written as many."""
        if len(self._rows) <= max(self._logged, self._earlier if self._whole is None else 0):
            return
        if self._whole is None:
            self._remove_halves()
            self._whole = self._start(self.folder.name, "", {"strategy": self.strategy}, [self.strategy])
        for number in range(self._logged, len(self._rows)):
            row = self._rows[number]
            shown = ("epochs", self.metric, f"best_{self.metric}")
            self._whole.log({"ended": number + 1, **{k: row[k] for k in shown if row[k] is not None}}, step=number + 1)
        self._logged = len(self._rows)

    def _table(self) -> Any:
        import wandb

        columns = list(dict.fromkeys(k for row in self._rows for k in row))
        return wandb.Table(columns=columns, data=[[row.get(k) for k in columns] for row in self._rows])

    # --- the client -------------------------------------------------------------------------------------------------

    def _open(self, segment: _Segment) -> Any:
        config = {**segment.config, "trial": segment.trial, "segment": segment.number, "suggested_by": segment.by}
        if segment.parent:
            config["parent"] = segment.parent
        tags = [t for t in (self.strategy, segment.phase, "lineage" if segment.parent else "") if t]
        return self._start(segment.name, self.folder.name, config, tags)

    def _start(self, name: str, group: str, config: dict[str, Any], tags: list[str]) -> Any:
        opened = self.open_run or _real()
        return opened(
            project=self.project,
            group=group or None,
            name=name,
            id=self._id(name),
            config=config,
            tags=tags,
            dir=self.folder,
        )

    def _id(self, name: str) -> str:
        """W&B's name for a run, the same whoever writes it."""
        whole = f"{self.folder.name}-{name}" if name != self.folder.name else name
        plain = re.sub(r"[^A-Za-z0-9_-]", "-", whole)
        return plain if len(plain) <= 64 else f"{plain[:50]}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"

    def _remove_halves(self) -> None:
        """Delete what an earlier attempt wrote offline and did not finish: it is written anew."""
        finished = {self._id(name) for name in self._done}
        for one in (self.folder / "wandb").glob("offline-run-*"):
            if re.sub(r"^offline-run-\d+_\d+-", "", one.name) not in finished:
                shutil.rmtree(one, ignore_errors=True)


def has_key() -> bool:
    """True when W&B can be reached in somebody's name: a key in the environment, or in ~/.netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    netrc = expanded(os.environ.get("NETRC", "~/.netrc"))
    return netrc.is_file() and "wandb" in netrc.read_text(errors="replace")


def _real() -> OpenRun:
    """``wandb.init`` with everything off that a trial does not need; offline without a key."""
    import wandb

    mode = os.environ.get("WANDB_MODE") or ("online" if has_key() else "offline")
    options: dict[str, Any] = {"mode": mode, "reinit": "create_new"}
    if mode == "online":
        options["resume"] = "allow"
    settings = wandb.Settings(
        silent=True, console="off", disable_git=True, disable_code=True, save_code=False,
        x_disable_stats=True, x_disable_meta=True, x_disable_machine_info=True,
    )  # fmt: skip

    def opened(*, dir: Path, **about: Any) -> Any:  # noqa: A002 (the client's own word)
        return wandb.init(dir=str(dir), settings=settings, **options, **about)

    return opened


# --- its process ---------------------------------------------------------------------------------------------------------


def mode_for(trials: int | None) -> Mode:
    """One W&B run per trial up to a thousand trials; PERCH_WANDB=trials or summary decides otherwise."""
    given = os.environ.get(MODE_VARIABLE, "")
    if given in ("trials", "summary"):
        return "summary" if given == "summary" else "trials"
    return "summary" if trials is None or trials > MOST_TRIALS_ALONE else "trials"


def follower(folder: Path) -> WandbFollower:
    """The follower of the run in ``folder``."""
    from perch.log.folder import RunFolder
    from perch.log.study_file import load_study

    study = load_study(RunFolder(folder))
    sign = 1.0 if study.mode == "min" else -1.0
    return WandbFollower(folder, study.name, study.metric, study.strategy_name, sign, mode_for(study.budget.trials))


def follow(folder: Path, ended: threading.Event) -> None:
    """Follow the log until ``ended`` is set."""
    from perch.log.events import Rewritten, Tail

    tail, board = Tail(folder / "events"), follower(folder)
    last = False
    while not last:
        last = ended.wait(LOOK_EVERY_S)
        try:
            events: Iterable[Event] = tail.new()
        except Rewritten:
            board.close()
            tail, board = Tail(folder / "events"), follower(folder)
            events = tail.new()
        for event in events:
            board.applied(event)
        board.flush()
    board.close()


def main() -> None:
    """Follow the run named on the command line until standard input ends."""
    from perch.log.follower import when_input_ends

    follow(Path(sys.argv[1]), when_input_ends())


if __name__ == "__main__":
    main()
