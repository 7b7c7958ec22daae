"""Following a running program: its rows as epochs counted from one, proof that a resume took, and patience with it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from perch.command import Command, reserved
from perch.errors import TrialError
from perch.formatting import duration
from perch.programs.metrics.names import FIRST_EPOCH, Row, named
from perch.programs.metrics.rows import Reader
from perch.programs.source import Source


class Follower:
    """Turns what a program writes into epochs. ``refused``: why a resume did not take."""

    def __init__(self, spec: Command, folder: Path, log: Path, metric: str, source: Source | None) -> None:
        assert spec.metrics is not None
        self.spec, self.folder, self.metric, self.source = spec, folder, metric, source
        self.reader = Reader(spec.metrics, folder, log)
        self.first_epoch: int | None = source.first_epoch if source is not None else spec.metrics.first_epoch
        self.refused: str | None = None
        self.began_s = time.monotonic()
        self.heard_s: float | None = None
        """When the first sign of metrics came, on the monotonic clock."""
        self._ready: dict[int, tuple[float, float]] = {}
        """Epoch → (when its row was complete on the monotonic clock, seconds since the one before)."""
        self._line_ns: dict[int, int] = {}
        self._open: list[int] = []
        self._taken = 0
        self._last_s = self.began_s

    # --- rows -------------------------------------------------------------------------------------------------------

    def look(self, *, ended: bool) -> dict[int, Row]:
        """Epochs whose rows are complete now. Raises TrialError for numbers that cannot be an epoch's."""
        if not self.reader.look(ended=ended) and not ended:
            if (
                self.heard_s is None
                and self.reader.files
                and self.spec.metrics is not None
                and self.reader.output not in self.reader.files
            ):
                self._hear()
            return {}
        for raw in self.reader.order[self._taken :]:
            self._take(raw)
        self._taken = len(self.reader.order)
        if self.refused is not None or self.first_epoch is None:
            return {}
        self._check_order()
        return self._complete(ended)

    def _take(self, raw: int) -> None:
        if self.first_epoch is None:
            if raw not in (0, 1):
                raise TrialError(
                    f"the first epoch that came is {raw}", why="a program counts from 0 or from 1",
                    fix="check metrics.epoch, or that the program starts in an empty folder",
                )  # fmt: skip
            self.first_epoch = raw
        epoch = raw - self.first_epoch + 1
        if epoch < 1:
            raise TrialError(f"epoch {raw} came, before the first, {self.first_epoch}", fix="check metrics.first_epoch")
        if not self._line_ns:
            self._first(epoch)
        self._line_ns.setdefault(
            epoch, max((p.stat().st_mtime_ns for p in self.reader.files if p.exists()), default=time.time_ns())
        )
        self._open.append(epoch)

    def _first(self, epoch: int) -> None:
        """The first epoch of this placement proves that a resume took."""
        if self.heard_s is None:
            self._hear()
        if self.source is not None:
            self.refused = self.source.refuses(epoch)
        elif epoch != 1:
            raise TrialError(
                f"the first epoch that came is {epoch}", why="epoch 1 was not reported", fix="let the program report every epoch from the first",
            )  # fmt: skip
        (self.folder / FIRST_EPOCH).write_text(json.dumps(self.first_epoch))

    def _hear(self) -> None:
        self.heard_s = self._last_s = time.monotonic()

    def _check_order(self) -> None:
        if self.reader.backwards is not None and self.spec.metrics is not None and self.spec.metrics.format != "csv":
            last, now = self.reader.backwards
            raise TrialError(
                f"epochs go backwards: {now} after {last}", why="the program has begun anew, or another writes the same file",
                fix="check metrics.where and metrics.pattern, and that the program writes into the trial's folder",
            )  # fmt: skip

    def _complete(self, ended: bool) -> dict[int, Row]:
        assert self.first_epoch is not None
        out: dict[int, Row] = {}
        later = max(self._open, default=0)
        for epoch in list(self._open):
            row = named(
                self.spec,
                self.reader.rows[epoch + self.first_epoch - 1],
                self.metric,
                final=ended or epoch < later,
                coming=self.reader.columns,
            )
            if row is None:
                continue
            lost = sorted(k for k in row if reserved(k))
            if lost:
                raise TrialError(
                    f"the program reports '{lost[0]}'",
                    why="tables use that name themselves",
                    fix="name metrics under trainable.keys",
                )
            now = time.monotonic()
            self._ready[epoch] = (now, now - self._last_s)
            self._last_s = now
            self._open.remove(epoch)
            out[epoch] = row
        return out

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def startup_s(self) -> float:
        """Seconds from the start to the first sign of metrics."""
        return (self.heard_s or time.monotonic()) - self.began_s

    @property
    def first_ready(self) -> int | None:
        """The first epoch of this placement."""
        return next(iter(self._ready), None)

    @property
    def first_line(self) -> int | None:
        """The first epoch of which a line has come in this placement."""
        return next(iter(self._line_ns), None)

    @property
    def usual_s(self) -> float:
        """Seconds of the longest epoch so far; 0 before any."""
        return max((s for _, s in self._ready.values()), default=0.0)

    @property
    def paced_s(self) -> float:
        """Seconds of the longest epoch but the first, whose time may be part of the start; 0 before any."""
        return max((s for _, s in list(self._ready.values())[1:]), default=0.0)

    def has_reported(self, epoch: int) -> bool:
        """True for an epoch that this program has reported itself."""
        return epoch in self._ready

    def epoch_s(self, epoch: int) -> float:
        """Seconds that an epoch took, as seen from outside."""
        return self._ready[epoch][1] if epoch in self._ready else 0.0

    def line_ns(self, epoch: int) -> int | None:
        """When an epoch's line was there, by the file system's clock."""
        return self._line_ns.get(epoch)

    def check_patience(self, wanted: int) -> None:
        """Raise TrialError where waiting on for ``wanted`` is of no use."""
        now = time.monotonic()
        if not self._line_ns and now - self.began_s > self.spec.startup:
            raise TrialError(
                f"no epoch was reported within {duration(self.spec.startup)} of the start", why=self.what_came(),
                fix="check trainable.metrics, or raise trainable.startup",
            )  # fmt: skip
        silence_s = self.spec.silence
        if silence_s is not None and self._line_ns and now - self._last_s > silence_s:
            raise TrialError(
                f"nothing was reported for {duration(silence_s)} after epoch {max(self._line_ns)}",
                why="trainable.silence allows no more",
            )
        later = [e for e in self._line_ns if e > wanted + 1]
        if later and wanted not in self._ready and (self.source is None or wanted > self.source.covers):
            if wanted in self._open:
                raise TrialError(
                    f"'{self.metric}' never came", why=self.what_came(), fix="check trainable.keys and metric"
                )
            raise TrialError(
                f"epoch {min(later)} came and no epoch {wanted}",
                why="every epoch must be reported",
                fix="let the program validate after every epoch",
            )

    def what_came(self) -> str:
        """In words: files and keys."""
        assert self.spec.metrics is not None
        if not self.reader.files:
            there = sorted(
                p.relative_to(self.folder).as_posix()
                for p in self.folder.rglob("*")
                if p.is_file() and not p.name.startswith(".")
            )
            return f"'{self.spec.metrics.files}' matches no file in {self.folder}; there are: {', '.join(there[:12]) or 'none'}"
        names = ", ".join(p.name for p in self.reader.files)
        if not self.reader.seen:
            return f"{names} holds no row with an epoch that the settings of trainable.metrics match"
        wanted = self.spec.metric_keys()
        key = f" (key '{wanted[self.metric].key}')" if self.metric in wanted else ""
        return f"'{self.metric}'{key} is not among what {names} holds: {', '.join(sorted(self.reader.seen))}"
