"""One placement of a program: started in a folder of its own, followed epoch by epoch, saved, gone on with, stopped. No Ray."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from perch.command import Command
from perch.errors import TrialError
from perch.programs import checkpoints
from perch.programs.config.configure import prepare, standard_values
from perch.programs.keeper import OUTPUT_LOG, Keeper
from perch.programs.metrics.follow import Follower
from perch.programs.order import Order
from perch.programs.process.child import Child, Exit
from perch.programs.process.outcome import check_value, ended
from perch.programs.source import Source, left_by_earlier, read_source, write_source

LOOK_S: Final = (0.02, 0.5)
"""Shortest and longest pause between two looks at a program's files."""

COPIES: Final = 5
"""How often a checkpoint is copied that the program replaces while it is copied."""

CHECKPOINT_WAIT_S: Final = 60.0
"""At least so long is waited for the checkpoint of an epoch whose line is there; longer where epochs are long."""


class Training:
    """See the module. ``epoch``: the last one handed out."""

    def __init__(self, spec: Command, order: Order, config: Mapping[str, Any]) -> None:
        self.spec, self.order, self.config = spec, order, dict(config)
        self.epoch = 0
        self.rows: dict[int, dict[str, float]] = {}
        """Epochs that are known and not handed out yet, and those that were."""
        self.source: Source | None = None
        self.child: Child | None = None
        self.follower: Follower | None = None
        self.folder = order.home
        self.notes: list[str] = []
        self.started_over = 0
        self.keeper = Keeper(
            spec, order.home, {"config": self.config, "seed": order.seed}, order.mode, order.keep_below,
            Path(order.weights) if order.weights else None,
        )  # fmt: skip
        self.epoch_s = 0.0

    # --- epochs -----------------------------------------------------------------------------------------------------

    def next_epoch(self) -> dict[str, float] | None:
        """Wait for the next epoch's numbers. None: the program has ended by itself, and well, before the last epoch."""
        wanted = self.epoch + 1
        if wanted not in self.rows:
            if self.child is None:
                self._start()
            self._wait_for(wanted)
            if wanted not in self.rows:
                return None
        self.epoch_s = self.follower.epoch_s(wanted) if self.follower is not None else 0.0
        row = self.rows[wanted]
        value = row[self.order.metric]
        check_value(self.order.metric, value, self.spec.bound, wanted)
        self.epoch = wanted
        self.keeper.note(wanted, value)
        return row

    @property
    def read_again(self) -> bool:
        """True when the numbers of the last epoch are what an earlier placement left: nothing has been trained for them."""
        return self.follower is None or not self.follower.has_reported(self.epoch)

    def _wait_for(self, wanted: int) -> None:
        pause_s = LOOK_S[0]
        while True:
            child, follower = self._running()
            exit_ = child.poll()
            news = follower.look(ended=exit_ is not None)
            if follower.refused is not None:
                self._start_over(follower.refused)
                continue
            for epoch, row in news.items():
                self.rows.setdefault(epoch, row)
            self._fill_gap(wanted, follower)
            self._keep_best(exit_ is not None)
            if wanted in self.rows:
                return
            if exit_ is not None:
                self._ended(exit_, follower)
                return
            follower.check_patience(wanted)
            pause_s = LOOK_S[0] if news else min(pause_s * 1.3, LOOK_S[1], max(follower.usual_s / 20, LOOK_S[0]))
            time.sleep(pause_s)

    def _fill_gap(self, wanted: int, follower: Follower) -> None:
        """Another trial's checkpoint without a number was ahead: the epochs up to the first that came are that trial's."""
        source, first = self.source, follower.first_line
        if source is not None and source.foreign and first is not None and wanted < first and wanted in source.rows:
            self.note(f"epoch {wanted} is the donor's: its checkpoint was ahead, the first epoch that came is {first}")
            self.rows.setdefault(wanted, dict(source.rows[wanted]))

    def _running(self) -> tuple[Child, Follower]:
        assert self.child is not None and self.follower is not None
        return self.child, self.follower

    def _ended(self, exit_: Exit, follower: Follower) -> None:
        logs = {p.name: p for pattern in self.spec.logs for p in sorted(self.folder.glob(pattern))}
        problem = ended(
            exit_, epoch=self.epoch, target=self.order.epochs, words=_shown(self.spec), log=self.folder / OUTPUT_LOG,
            logs=logs, rows=follower.what_came(),
        )  # fmt: skip
        if problem is not None:
            raise problem

    # --- starting ---------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start the program, from the best checkpoint there is for this trial."""
        if self.spec.can_resume and self.spec.checkpoint is not None and self.started_over == 0:
            earlier = left_by_earlier(self.spec, self.order.home, self.source, self.order.metric)
            if earlier is not None:
                self.source = earlier
                for epoch, row in earlier.rows.items():
                    self.rows.setdefault(epoch, row)
                if self.epoch + 1 in self.rows and self.source.covers > self.epoch:
                    self.note(f"goes on from epoch {self.source.covers}, which an interrupted placement left")
        self._launch()

    def _launch(self) -> None:
        self.folder = self.order.new_folder()
        checkpoint = ""
        if self.source is not None:
            place = self.folder if self.spec.resume == "same" else self.folder / checkpoints.RESTORED
            target = place / self.source.name
            if checkpoints.copy_out(checkpoints.Found(self.source.path, None, 0), target, self._valid):
                checkpoint = str(target)
            else:
                self._forget_source(f"the checkpoint '{self.source.path}' is not whole")
        values = standard_values(
            self.spec, self.folder, seed=self.order.seed, cpus=max(int(self.order.cpus), 1), gpus=math.ceil(self.order.gpus or 0.0),
            epochs=self.order.epochs,
        )  # fmt: skip
        start = prepare(
            self.spec, self.config, {**values, "checkpoint": checkpoint}, resuming=self.source is not None, hide_gpus=self.order.gpus == 0,
        )  # fmt: skip
        if start.text is not None:
            config = Path(values["config"])
            config.parent.mkdir(parents=True, exist_ok=True)
            config.write_text(start.text, encoding="utf-8")
        log = self.folder / OUTPUT_LOG
        self.follower = Follower(self.spec, self.folder, log, self.order.metric, self.source)
        self.child = Child(start.words, self.folder, log, start.env, self.spec.grace or 10.0)

    @property
    def _valid(self) -> str:
        return self.spec.checkpoint.valid if self.spec.checkpoint is not None else "any"

    def _start_over(self, why: str) -> None:
        """The resume did not take: begin from nothing, which is known to be whole. Epochs handed out stand."""
        if self.source is None or self.source.foreign:
            raise TrialError(f"the program did not go on from its checkpoint: {why}", fix="check trainable.resume")
        self._running()[0].stop(1.0)
        self._forget_source(why)
        self._launch()

    def _forget_source(self, why: str) -> None:
        self.source = None
        self.started_over += 1
        self.rows = {e: r for e, r in self.rows.items() if e <= self.epoch}
        self.note(f"did not go on from its checkpoint ({why}): trained from the start")

    def note(self, text: str) -> None:
        """Say something where the trial's log is, and on the worker's output."""
        self.notes.append(text)
        self.order.home.mkdir(parents=True, exist_ok=True)
        with (self.order.home / "notes.txt").open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
        print(f"trial {self.order.trial}: {text}", flush=True)

    # --- checkpoints ------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Leave in ``folder`` what is needed to go on after the last epoch handed out."""
        spec = self.spec.checkpoint
        if spec is None or not self.spec.can_resume:
            raise TrialError(
                "the program cannot resume",
                why="trainable.resume is none",
                fix="say how it resumes, or use checkpoints: none",
            )
        later = {e: r for e, r in self.rows.items() if e > self.epoch}
        if self.child is None:
            if self.source is None:
                raise TrialError("there is nothing to save", why="the program has not been started")
            write_source(folder, self.source, self.epoch, later, asdict(self.order))
            return
        first_epoch = self._copy_newest(folder)
        checkpoints.prune(spec, self.folder, first_epoch, spare=self.keeper.wanted)

    def _copy_newest(self, folder: Path) -> int:
        """Copy the newest whole checkpoint into ``folder``; one that the program replaces meanwhile is looked for anew.

        Returns how the program counts its epochs: from 0 or from 1.
        """
        for tries_left in reversed(range(COPIES)):
            source = self._await_checkpoint(self.epoch, self._patience_s)
            if source is None:
                raise TrialError(
                    f"no whole checkpoint of epoch {self.epoch} came", why=self._what_checkpoints(), fix="check trainable.checkpoint: files, valid and epoch",
                )  # fmt: skip
            later = {e: r for e, r in self.rows.items() if e > self.epoch}
            try:
                write_source(folder, source, self.epoch, later, asdict(self.order))
            except TrialError:
                if not tries_left:
                    raise
            else:
                return source.first_epoch
        raise AssertionError("the last try returns or raises")

    @property
    def _patience_s(self) -> float:
        usual_s = self.follower.usual_s if self.follower is not None else 0.0
        return max(CHECKPOINT_WAIT_S, 3 * usual_s)

    @property
    def _still_s(self) -> float:
        return checkpoints.still_s(self.follower.paced_s if self.follower is not None else 0.0)

    def _await_checkpoint(self, epoch: int, patience_s: float) -> Source | None:
        """Wait for a whole checkpoint of this epoch or a later one; the program may end meanwhile."""
        child, follower = self._running()
        child.go()
        end, ended = time.monotonic() + patience_s, False
        while True:
            over = child.poll() is not None
            for number, row in follower.look(ended=over).items():
                self.rows.setdefault(number, row)
            found = self._found(epoch, over)
            if found is not None:
                return found
            if over and not ended:  # what it wrote last becomes whole by lying still
                ended, end = True, min(end, time.monotonic() + self._still_s + 0.2) if self._valid == "any" else 0.0
            if time.monotonic() > end:
                return None
            time.sleep(LOOK_S[0] * 2)

    def _found(self, epoch: int, over: bool) -> Source | None:
        """A whole checkpoint of at least this epoch, as a source to go on from."""
        spec, (_, follower) = self.spec.checkpoint, self._running()
        if spec is None or follower.first_epoch is None:
            return None
        first = follower.first_epoch
        found = checkpoints.at_least(spec, self.folder, first, epoch, follower.line_ns(epoch), self._still_s)
        if found is None and over and spec.epoch is None:
            found = checkpoints.newest(spec, self.folder, first, self._still_s)
        if found is None:
            return None
        name = found.path.relative_to(self.folder).as_posix()
        return Source(found.path, name, found.epoch or epoch, found.epoch is not None, first, {}, epoch)

    def _what_checkpoints(self) -> str:
        assert self.spec.checkpoint is not None
        there = checkpoints.matching(self.spec.checkpoint, self.folder)
        if not there:
            others = sorted({p.suffix for p in self.folder.rglob("*") if p.is_file() and p.suffix})
            return f"'{self.spec.checkpoint.files}' matches no file in {self.folder} (suffixes there: {', '.join(others) or 'none'})"
        return f"there are {', '.join(p.name for p in there[-4:])}, older or not whole"

    def load(self, folder: Path) -> None:
        """Go on from what ``save`` left, of this trial or, after an exploit, of another."""
        source, epoch = read_source(folder, asdict(self.order))
        self.epoch = epoch
        if not checkpoints.whole(source.path, self._valid) and not (self._valid == "any" and source.path.exists()):
            if source.foreign:
                raise TrialError(f"the checkpoint in '{folder}' is not whole")
            self._forget_source(f"the checkpoint '{source.path}' is not whole")
            return
        self.source = source
        if not source.foreign:
            self.rows.update(source.rows)

    # --- the best epoch, and the end --------------------------------------------------------------------------------

    def _keep_best(self, over: bool) -> None:
        """Copy the checkpoint of the best epoch out, once it is whole."""
        keeper = self.keeper
        if keeper.wanted is None or not (over or keeper.due):
            return
        if (found := self._found(keeper.wanted, over)) is not None and keeper.leads():
            keeper.keep(self.folder, found.path)

    def close(self) -> None:
        """Stop the program and let go of what nobody needs: its checkpoints, once the best is copied out."""
        if self.child is None:
            return
        try:
            if self.keeper.leads() and self.keeper.wanted is not None and self.spec.checkpoint is not None:
                patience_s = min(self._patience_s, max(3 * self._running()[1].usual_s, 5.0))
                if (found := self._await_checkpoint(self.keeper.wanted, patience_s)) is not None:
                    self.keeper.keep(self.folder, found.path)
            if self.keeper.wanted is not None:
                self.keeper.keep(self.folder, None)
        finally:
            self.child.stop()
            self.child = None
            if self.spec.checkpoint is not None:
                for path in checkpoints.matching(self.spec.checkpoint, self.folder):
                    path.unlink(missing_ok=True)
            shutil.rmtree(self.folder / checkpoints.RESTORED, ignore_errors=True)


def _shown(spec: Command) -> str:
    return Path(spec.words[0]).name if not isinstance(spec.command, str) else spec.command
