"""Runs of the same space in a folder of runs, newest first."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perch.errors import PerchError
from perch.study import Study, read_yaml

SAME: Final = ("space", "epochs", "trainable", "data", "metric", "mode", "optimizer")
"""Keys of a study that decide how its trainings go."""

UNREADABLE: Final = (PerchError, OSError, ValueError, KeyError, TypeError)
"""What a folder of somebody else's, or one that is half written, may answer."""


@dataclass(frozen=True)
class EarlierRun:
    """A run that reported something: its folder, ``summary.json`` and ``study.yaml`` as they are there."""

    folder: Path
    summary: Mapping[str, Any]
    study: Mapping[str, Any]


def of_the_same_space(study: Study, root: Path, look_s: float = float("inf")) -> Iterator[EarlierRun]:
    """Runs of the study's space in ``root``, as long as ``look_s`` seconds last. What cannot be read is passed over."""
    mine, until_s = study.model_dump(mode="json", by_alias=True), time.monotonic() + look_s
    try:
        files = sorted(root.glob("*/summary.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    except OSError:
        return
    for file in files:
        if time.monotonic() > until_s:
            return
        try:
            found = read_earlier(file, mine)
        except UNREADABLE:
            continue
        if found is not None:
            yield found


def read_earlier(file: Path, mine: Mapping[str, Any]) -> EarlierRun | None:
    """None for a run of another space, or one that has reported nothing."""
    summary = json.loads(file.read_text(encoding="utf-8"))
    if summary["metric"] != mine["metric"] or not float(summary["epochs"]) or not float(summary["wall_s"]):
        return None
    kept = file.with_name("study.yaml")
    theirs = read_yaml(kept.read_text(encoding="utf-8"), str(kept))
    if any(theirs[key] != mine.get(key) for key in SAME if key in theirs):
        return None
    return EarlierRun(file.parent, summary, theirs)
