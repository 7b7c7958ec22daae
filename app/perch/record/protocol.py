"""What a run's record offers to those who read it: reports, comparisons and schedules are written against this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from perch.study import Study


class Record(Protocol):
    """What ``perch.record.load`` returns."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        ...

    @property
    def curves(self) -> pd.DataFrame:
        """A row per reported epoch."""
        ...

    @property
    def trials(self) -> pd.DataFrame:
        """A row per trial."""
        ...

    @property
    def overheads(self) -> pd.DataFrame:
        """Where worker seconds went."""
        ...

    @property
    def summary(self) -> Mapping[str, Any]:
        """The closing summary, as far as there is one."""
        ...

    @property
    def study(self) -> Study:
        """The study as it ran."""
        ...
