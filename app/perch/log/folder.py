"""Where a run's files lie: ``OUT/<run id>/``, as the contract names them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from perch.errors import RecordError


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id: the folder's name."""
        return self.path.name

    @property
    def study(self) -> Path:
        """The study as it ran."""
        return self.path / "study.yaml"

    @property
    def events(self) -> Path:
        """The log: one file per attempt."""
        return self.path / "events"

    @property
    def stop(self) -> Path:
        """Created by anyone who wants a clean end."""
        return self.path / "stop"

    @property
    def checkpoints(self) -> Path:
        """What strategies need to resume or copy trials; bounded."""
        return self.path / "checkpoints"

    def has(self, checkpoint: str) -> bool:
        """True when a checkpoint, named by its path below this folder, is there."""
        return (self.path / checkpoint).exists()

    def delete(self, checkpoint: str) -> None:
        """Remove a checkpoint, named by its path below this folder."""
        shutil.rmtree(self.path / checkpoint, ignore_errors=True)

    @property
    def weights(self) -> Path:
        """Weights of the trials that lead at the moment; the best end in ``best``."""
        return self.path / "weights"

    @property
    def program_trials(self) -> Path:
        """Of training programs: a folder per trial, with one per placement in it."""
        return self.path / "trials"

    @property
    def best(self) -> Path:
        """Weights of the best trial, and of the next four in ``best/ensemble``."""
        return self.path / "best"

    @property
    def summary(self) -> Path:
        """The result in one JSON file."""
        return self.path / "summary.json"

    @property
    def curves(self) -> Path:
        """A row per reported epoch."""
        return self.path / "curves.parquet"

    @property
    def trials(self) -> Path:
        """A row per trial."""
        return self.path / "trials.parquet"

    @property
    def overheads(self) -> Path:
        """Where worker seconds went."""
        return self.path / "overheads.parquet"

    @property
    def tensorboard(self) -> Path:
        """Scalars and HParams."""
        return self.path / "tensorboard"

    @property
    def advice(self) -> Path:
        """What a run says of its own strategy while it goes on."""
        return self.path / "advice.json"

    @property
    def logs(self) -> Path:
        """What helper processes print."""
        return self.path / "logs"


def check_is_run(folder: RunFolder, shown: str | None = None) -> None:
    """Raise RecordError for a folder without a study. ``shown``: the folder as it was given."""
    if not folder.study.is_file():
        raise RecordError(
            f"'{folder.path if shown is None else shown}' is not a run",
            why="it holds no study.yaml" if folder.path.is_dir() else "no such folder",
            fix="give the folder of a run: OUT/<run id>",
        )
