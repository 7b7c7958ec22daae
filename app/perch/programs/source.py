"""What a program goes on from: a whole checkpoint of its own, copied out, and the epochs that are known beyond it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perch.command import Command
from perch.errors import TrialError
from perch.programs import checkpoints
from perch.programs.metrics.names import FIRST_EPOCH, named
from perch.programs.metrics.rows import Reader

ABOUT: Final = "perch.json"
FILES: Final = "files"
_WHOSE: Final = ("trial", "segment")


@dataclass(frozen=True)
class Source:
    """A checkpoint. ``name``: its path within the program's folder. ``covers``: epochs trained, at least (``numbered``: exactly).

    ``rows``: epochs known beyond those handed out. ``foreign``: another trial's, after an exploit; then they are its own, and
    stand only for epochs that a checkpoint without a number turns out to be ahead by.
    """

    path: Path
    name: str
    covers: int
    numbered: bool
    first_epoch: int
    rows: Mapping[int, dict[str, float]]
    known: int
    """The last epoch whose numbers are known; the program must go on no later than with the next one."""
    foreign: bool = False

    def refuses(self, epoch: int) -> str | None:
        """Why a program whose first epoch is ``epoch`` has not gone on from this; None when it has."""
        if epoch < self.covers:
            return f"its first epoch was {epoch}, the checkpoint stands for {self.covers}"
        if epoch > self.known + 1 or (self.numbered and epoch > self.covers + 1):
            return f"its first epoch was {epoch}, and {self.known + 1} is missing"
        return None


def write_source(
    folder: Path, source: Source, epoch: int, later: Mapping[int, dict[str, float]], order: Mapping[str, Any]
) -> None:
    """Copy a checkpoint into ``folder``, with what is known of it. ``epoch``: the last one handed out."""
    target = folder / FILES / source.name
    valid = "zip" if checkpoints.whole(source.path, "zip") else "any"
    if not checkpoints.copy_out(checkpoints.Found(source.path, None, 0), target, valid):
        raise TrialError(
            f"the checkpoint '{source.path.name}' changed while it was copied",
            fix="let the program write it anew and rename it",
        )
    about = {
        "epoch": epoch, "name": source.name, "covers": source.covers, "numbered": source.numbered, "first_epoch": source.first_epoch,
        "rows": {str(e): r for e, r in later.items()}, **{k: order[k] for k in _WHOSE},
    }  # fmt: skip
    (folder / ABOUT).write_text(json.dumps(about))


def read_source(folder: Path, order: Mapping[str, Any]) -> tuple[Source, int]:
    """What ``write_source`` left, and its epoch."""
    try:
        about = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError) as error:
        raise TrialError(f"cannot read the checkpoint '{folder}'", why=str(error)) from error
    foreign = any(about[k] != order[k] for k in _WHOSE)
    rows = {} if foreign and about["numbered"] else {int(e): r for e, r in about["rows"].items()}
    epoch = int(about["epoch"])
    path = folder / FILES / about["name"]
    known = max([epoch, *rows])
    return Source(
        path, about["name"], about["covers"], about["numbered"], about["first_epoch"], rows, known, foreign
    ), epoch


def left_by_earlier(spec: Command, home: Path, current: Source | None, metric: str) -> Source | None:
    """A checkpoint that an interrupted placement of this trial left in its folder, if it reaches further than ``current``."""
    assert spec.checkpoint is not None
    if not home.is_dir():
        return None
    rows: dict[int, dict[str, float]] = {}
    best: Source | None = None
    for folder in sorted((p for p in home.iterdir() if p.name.isdigit()), key=lambda p: int(p.name)):
        try:
            first = int(json.loads((folder / FIRST_EPOCH).read_text()))
        except (OSError, ValueError):
            continue
        for epoch, row in _rows(spec, folder, first, metric).items():
            rows.setdefault(epoch, row)
        known = 0 if current is None else current.known
        while known + 1 in rows:
            known += 1
        for found in checkpoints.find(spec.checkpoint, folder, first):
            covers = found.epoch if found.epoch is not None else max(known - 1, 1)
            if 1 <= covers <= known and covers > max(current.covers if current else 0, best.covers if best else 0):
                name = found.path.relative_to(folder).as_posix()
                best = Source(found.path, name, covers, found.epoch is not None, first, {}, known)
    if best is None:
        return None
    return Source(
        best.path,
        best.name,
        best.covers,
        best.numbered,
        best.first_epoch,
        {e: r for e, r in rows.items() if e <= best.known},
        best.known,
    )


def _rows(spec: Command, folder: Path, first: int, metric: str) -> dict[int, dict[str, float]]:
    assert spec.metrics is not None
    reader = Reader(spec.metrics, folder, folder / "output.log")
    reader.look(ended=True)
    named_rows = {raw - first + 1: named(spec, row, metric, final=True) for raw, row in reader.rows.items()}
    return {epoch: row for epoch, row in named_rows.items() if row is not None and epoch >= 1}
