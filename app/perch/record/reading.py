"""Reading a run's record back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.errors import RecordError
from perch.log.folder import RunFolder
from perch.study import Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """A run's record: tables as data frames, summary and study. Tables are read at the first look."""

    folder: Path
    summary: dict[str, Any]
    study: Study

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.name

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row per reported epoch; ``config`` is a dictionary."""
        return self._read("curves")

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row per trial."""
        return self._read("trials")

    @cached_property
    def overheads(self) -> pd.DataFrame:
        """Worker seconds by activity."""
        return self._read("overheads")

    @property
    def best(self) -> dict[str, Any] | None:
        """The best trial: ``trial_id, config, epoch, validation_mae_ev, test_mae_ev, confirmed``."""
        found: dict[str, Any] | None = self.summary["best"]
        return found

    @property
    def winner(self) -> dict[str, Any] | None:
        """The configuration with the lowest mean over fresh seeds (``perch.record.winner``); None in records of earlier versions."""
        found: dict[str, Any] | None = self.summary["winner"]
        return found

    def _read(self, name: str) -> pd.DataFrame:
        import pandas as pd

        path = self.folder / f"{name}.parquet"
        try:
            return pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise RecordError(
                f"cannot read '{path}'", why=str(error), fix="write it anew with 'perch report RUN'"
            ) from error


def load(path: str | Path) -> Run:
    """Read a run folder. A run that was killed before its tables were written gets them from its log now."""
    from perch.log.study_file import load_study

    folder = RunFolder(Path(path))
    study = load_study(folder)
    if not folder.summary.is_file() or not folder.curves.is_file():
        from perch.record.writing import write

        if not folder.events.is_dir():
            raise RecordError(f"the run '{folder.path}' is empty", why="it holds no log", fix="run it first")
        write(folder)
    try:
        result = json.loads(folder.summary.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(
            f"cannot read '{folder.summary}'", why=str(error), fix="delete it; it is made anew"
        ) from error
    return Run(folder.path, {**_unknown_earlier(result), **result}, study)


def _unknown_earlier(result: dict[str, Any]) -> dict[str, Any]:
    """What summaries of earlier versions lack: nothing was measured against anything, and times were not kept apart."""
    return {
        "winner": None, "start_point": None, "standings": [], "comparisons": [], "epochs_per_trial": None,
        "search": {"epochs": result.get("epochs", 0), "wall_s": result.get("wall_s", 0.0)},
        "fresh_seeds": {"trainings": 0, "epochs": 0, "wall_s": 0.0, "allowance_epochs": None, "allowance_s": None},
    }  # fmt: skip
