"""The files of a trial's best epoch, copied out while the trial is among the best of its run."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from perch.command import Command
from perch.limit import Pace, published
from perch.programs import checkpoints

ABOUT: Final = "about.json"
OUTPUT_LOG: Final = "output.log"
"""In a placement's folder: what the program prints."""


class Keeper:
    """Keeps in ``home/best`` what the trial's best epoch left. ``wanted``: the epoch whose checkpoint is awaited.

    ``limit``: the value below which a trial is worth keeping (lower is better). ``weights``: where the run publishes lower
    ones as it goes on; None: it publishes none. ``about`` goes into ``about.json``.
    """

    def __init__(
        self, spec: Command, home: Path, about: Mapping[str, Any], mode: str, limit: float, weights: Path | None = None
    ) -> None:
        self.spec, self.folder, self.about, self.limit, self.weights = spec, home / "best", about, limit, weights
        self.sign = -1.0 if mode == "max" else 1.0
        self.best = self._read()
        self.wanted: int | None = None
        self._pace = Pace()

    def note(self, epoch: int, value: float) -> None:
        """Take an epoch's value into account."""
        if self.sign * value < min(self.limit, self.best):
            self.best, self.wanted = self.sign * value, epoch

    @property
    def due(self) -> bool:
        """True when an epoch's checkpoint is awaited and may be copied now.

        Numbered checkpoints stay, so that their copies can be spaced. A file that the program writes over is copied at once.
        """
        numbered = self.spec.checkpoint is not None and self.spec.checkpoint.epoch is not None
        spaced = numbered and self.weights is not None
        return self.wanted is not None and (not spaced or self._pace.due(time.monotonic()))

    def leads(self) -> bool:
        """True while the awaited epoch can still be among the best of the run; else it is awaited no more."""
        if self.weights is not None and self.best > published(self.weights):
            self.wanted = None
        return self.wanted is not None

    def keep(self, placement: Path, checkpoint: Path | None) -> None:
        """Copy configuration, log, what ``keep`` names, and the checkpoint (None: there is none) of the wanted epoch."""
        began_s = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        if checkpoint is not None:
            valid = self.spec.checkpoint.valid if self.spec.checkpoint is not None else "any"
            found = checkpoints.Found(checkpoint, None, 0)
            if not checkpoints.copy_out(found, self.folder / checkpoint.name, valid):
                return
        config = placement / (self.spec.config or "config.yaml")
        more = [p for pattern in self.spec.keep for p in placement.glob(pattern)]
        for path in [config, placement / OUTPUT_LOG, *more]:
            if path.is_file():
                shutil.copyfile(path, self.folder / path.name)
        old = self._read_about().get("checkpoint")
        name = checkpoint.name if checkpoint is not None else None
        if old not in (None, name):
            (self.folder / str(old)).unlink(missing_ok=True)
        about = {"epoch": self.wanted, "value": self.sign * self.best, "checkpoint": name, **self.about}
        (self.folder / ABOUT).write_text(json.dumps(about, indent=1))
        self.wanted = None
        self._pace.wrote(began_s, time.monotonic())

    def _read_about(self) -> dict[str, Any]:
        try:
            about = json.loads((self.folder / ABOUT).read_text())
        except (OSError, ValueError):
            return {}
        return about if isinstance(about, dict) else {}

    def _read(self) -> float:
        return self.sign * float(self._read_about().get("value", self.sign * math.inf))
