"""What a run says of a trial of a program besides its hyperparameters, and where the trial's placements have their folders."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Order:
    """What a run says of a trial besides its hyperparameters. ``folder``: where trials of the run have their folders."""

    trial: str
    segment: int
    seed: int
    epochs: int
    cpus: float
    gpus: float | None
    """0: GPUs are hidden from the program. None: nothing was said, and it sees what there is."""
    folder: str
    metric: str
    mode: str = "min"
    keep_below: float = -math.inf
    weights: str = ""
    """Where the run publishes lower values than ``keep_below`` as it goes on; empty: it publishes none."""

    @property
    def home(self) -> Path:
        """The trial's folder, which holds a folder for each of its placements."""
        return Path(self.folder) / (self.trial if self.segment == 0 else f"{self.trial}-{self.segment}")

    def new_folder(self) -> Path:
        """The next free folder of a placement: nothing of an earlier one lies in it."""
        home = self.home
        home.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(p.name) for p in home.iterdir() if p.name.isdigit()), default=0)
        while True:
            folder = home / f"{number:02d}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
