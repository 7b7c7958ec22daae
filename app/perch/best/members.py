"""Whose weights ``best/`` holds: the winner's fresh seeds, then the runners-up; without fresh seeds, trials of the search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from perch.log.state import KEPT
from perch.record.reading import Run

RUNNERS_UP: Final = 4
"""Configurations besides the winner's whose first fresh seed is kept too."""

Row = dict[str, Any]
"""A row of ``trials.parquet``."""


def ensemble(run: Run) -> list[Row]:
    """Trainings whose mean predicts: the winner's fresh seeds; without any, the best trials of the search.

    Of those only the ones that were trained to the end, unless none was.
    """
    won = run.winner
    if won is None:
        return []
    rows = {row["trial_id"]: row for row in _rows(run)}
    if won["seeds"]:
        return [rows[name] for name in won["trainings"]]
    search = [row for row in rows.values() if row["phase"] == "search" and not math.isnan(row["best_value"])]
    whole = [row for row in search if row["status"] == "completed"]
    sign = -1.0 if run.study.mode == "max" else 1.0
    ranked = sorted(whole or search, key=lambda row: (row["trial_id"] != won["trial_id"], sign * row["best_value"]))
    return ranked[:KEPT]


def runners_up(run: Run) -> list[Row]:
    """The first fresh seed of each configuration that came next, the best mean first."""
    rows = {row["trial_id"]: row for row in _rows(run)}
    others = [s["trial_id"] for s in run.summary.get("standings", [])[1:] if not s["failed"]]
    first = (f"confirm-{name}-1" for name in others)
    return [rows[name] for name in first if name in rows and rows[name]["status"] == "completed"][:RUNNERS_UP]


def about(run: Run, row: Row) -> dict[str, Any]:
    """What a model's ``config.json`` says of its training."""
    return {
        "run_id": run.id,
        "trial_id": row["confirms"],
        "training": row["trial_id"],
        "fresh_seed": None if row["repeat"] is None or math.isnan(row["repeat"]) else int(row["repeat"]),
        "trained_to_the_end": row["status"] == "completed",
        "epochs": int(row["epochs"]),
        "test_mae_ev": row["test_mae_ev"],
        "validation_mae_ev": _number(row["best_validation_mae_ev"]),
    }


def note(rows: list[Row], epochs: int) -> str:
    """What must be said of models that were stopped early; empty where none was."""
    short = [row for row in rows if row["status"] != "completed"]
    if not short:
        return ""
    longest = max(int(row["epochs"]) for row in short)
    return f"no trial was trained to the end: best/ holds models that were stopped early, at epoch {longest} of {epochs} at most"


def _rows(run: Run) -> list[Row]:
    return [_plain({str(k): v for k, v in row.items()}) for row in run.trials.to_dict("records")]


def _plain(row: Row) -> Row:
    """A row whose configuration lacks the keys that only other trials have; ``confirms``: whose configuration it is."""
    config: Mapping[str, Any] = row["config"] or {}
    value = row["best_value"]
    return {
        **row,
        "confirms": row["confirms"] if isinstance(row["confirms"], str) else row["trial_id"],
        "config": {k: v for k, v in config.items() if v is not None},
        "best_value": math.nan if value is None else float(value),
        "test_mae_ev": _number(row["test_mae_ev"]),
    }


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
