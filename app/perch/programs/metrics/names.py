"""The metrics of a program under the study's names, and how the program counts its epochs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from perch.command import Command

FIRST_EPOCH: Final = ".perch-first-epoch"
"""In a placement's folder: how the program counts, 0 or 1, once it is known."""


Row = dict[str, float]


def named(spec: Command, raw: Row, metric: str, *, final: bool, coming: Collection[str] = ()) -> Row | None:
    """A row under its metrics' names; None while it lacks one of those ``coming``. ``final``: nothing more will come for this epoch."""
    keys = spec.metric_keys()
    if not keys:
        return dict(raw) if metric in raw else None
    row = {name: raw[k.key] * k.factor for name, k in keys.items() if k.key in raw}
    return row if metric in row and (final or all(k.key in raw or k.key not in coming for k in keys.values())) else None
