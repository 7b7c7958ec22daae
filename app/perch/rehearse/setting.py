"""Workers and time of a rehearsal, from the command line or as recorded; what cannot be is refused before anything starts."""

from __future__ import annotations

import math
from typing import Final

from perch.errors import StudyError
from perch.rehearse.run import Setting
from perch.rehearse.tables.table import Table

SATURATED_BEYOND: Final = 10
"""Trials per curve of the table beyond which a run is refused: it would see every curve many times."""


def setting_of(
    table: Table,
    *,
    gpus: float | None = None,
    hours: float | None = None,
    workers: int | None = None,
    time_budget: str | None = None,
) -> Setting:
    """One setting for all strategies. Raises StudyError."""
    count, time_s = _workers(table, gpus, workers), _time_s(table, hours, time_budget)
    first_s = _first_epoch_s(table) + table.recorded.delays.start_s
    if time_s < first_s:
        raise StudyError(
            f"{time_s:.4g} s are less than one epoch", why=f"the first one ends after {first_s:.4g} s (median of the record)",
            fix="give more time",
        )  # fmt: skip
    return Setting(count, time_s, table.recorded.delays)


def _workers(table: Table, gpus: float | None, workers: int | None) -> int:
    if gpus is not None and workers is not None:
        raise StudyError("--gpus and --workers are both given", why="they say the same thing", fix="give one of them")
    if workers is not None:
        if workers < 1:
            raise StudyError(f"--workers {workers}", why="without a worker no trial runs", fix="give 1 or more")
        return workers
    if gpus is not None:
        each = table.recorded.gpus_per_trial or 1.0
        if not math.isfinite(gpus) or gpus < each:
            raise StudyError(
                f"--gpus {gpus:g}", why=f"a trial of this record takes {each:g} GPU{'s' if each != 1 else ''}",
                fix=f"give {math.ceil(each)} or more",
            )  # fmt: skip
        return int(gpus / each)
    if table.recorded.workers is None:
        raise StudyError(
            "how many workers?", why=f"'{table.name}' does not say how many it was recorded with",
            fix="give --workers or --gpus",
        )  # fmt: skip
    return table.recorded.workers


def _time_s(table: Table, hours: float | None, time_budget: str | None) -> float:
    from perch.fields import seconds

    if hours is not None and time_budget is not None:
        raise StudyError("--hours and --time-budget are both given", why="they say the same thing", fix="give one")
    if time_budget is not None:
        try:
            time_s = float(seconds(time_budget))
        except ValueError as error:
            raise StudyError(f"--time-budget {time_budget}", why=str(error), fix="write 10m, say") from error
    elif hours is not None:
        time_s = 3600.0 * hours
    elif table.recorded.time_s is not None:
        return table.recorded.time_s
    else:
        raise StudyError(
            "how long?", why=f"'{table.name}' does not say how long its runs were", fix="give --hours or --time-budget"
        )
    if not math.isfinite(time_s) or time_s <= 0:
        raise StudyError(f"a budget of {time_s:g} s", why="nothing ends in it", fix="give more time")
    return time_s


def _first_epoch_s(table: Table) -> float:
    import numpy as np

    assert table.seconds is not None
    first = table.seconds[table.usable, 0]
    return float(np.nanmedian(first)) + table.recorded.report_s
