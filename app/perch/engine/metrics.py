"""What a trainable reported, without what Tune adds to it."""

from __future__ import annotations

from typing import Any

from perch.errors import StudyError
from perch.training.reporting import OF_TABLES, TAKEN

BOOKKEEPING = frozenset({
    "done", "time_total_s", "time_since_restore", "iterations_since_restore", "timesteps_since_restore", "timestamp",
    "pid", "timesteps_total", "episodes_total", "training_iteration", "trial_id", "should_checkpoint",
    "checkpoint_dir_name",
})  # fmt: skip
"""What Tune adds to a result and Perch records in its own way."""


def numeric(result: dict[str, Any]) -> dict[str, Any]:
    """A trainable's own numbers (and its device's name), under their own names. Raises StudyError for a name that is taken."""
    names = {*result.get(TAKEN, ()), *(OF_TABLES & result.keys())}
    if "epoch" in result and result["epoch"] != result.get("training_iteration", result["epoch"]):
        names.add("epoch")
    if names:
        shown = ", ".join(f"'{name}'" for name in sorted(names))
        raise StudyError(
            f"the trainable reports {shown}", why="Ray or the table of curves writes that name itself, and the number would be lost",
            fix="report it under another name" + (", and leave the epoch to be counted" if "epoch" in names else ""),
        )  # fmt: skip
    out: dict[str, Any] = {}
    for key, value in result.items():
        if key in BOOKKEEPING or key == TAKEN or key.startswith("config/"):
            continue
        if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
            value = value.item()  # noqa: PLW2901
        if isinstance(value, (int, float, bool)) or (key in ("device", "node_ip") and isinstance(value, str)):
            out[key] = value
    return out
