"""What a trainable reported, without what Tune adds to it."""

from __future__ import annotations

from typing import Any

from perch.errors import StudyError

BOOKKEEPING = frozenset({
    "done", "time_total_s", "time_since_restore", "iterations_since_restore", "timesteps_since_restore", "timestamp",
    "pid", "timesteps_total", "episodes_total", "training_iteration", "trial_id", "should_checkpoint",
    "checkpoint_dir_name",
})  # fmt: skip
"""What Tune adds to a result and Perch records in its own way."""


COLUMNS = frozenset(
    {"segment", "time_s", "value", "attempt", "phase", "parent_trial_id", "parent_segment", "parent_epoch"}
)
"""Columns of ``curves.parquet`` that Tune adds to no result: a metric of such a name would be lost."""


def numeric(result: dict[str, Any]) -> dict[str, Any]:
    """A trainable's own numbers (and its device's name), under their own names. Raises StudyError for a name that is taken."""
    if taken := sorted(COLUMNS & result.keys()):
        raise StudyError(
            f"the trainable reports '{taken[0]}'", why="the table of curves uses that name itself, and the number would be lost",
            fix="report it under another name",
        )  # fmt: skip
    out: dict[str, Any] = {}
    for key, value in result.items():
        if key in BOOKKEEPING or key.startswith("config/"):
            continue
        if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
            value = value.item()  # noqa: PLW2901
        if isinstance(value, (int, float, bool)) or (key in ("device", "node_ip") and isinstance(value, str)):
            out[key] = value
    return out
