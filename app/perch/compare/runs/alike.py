"""Whether runs are of the same study: otherwise their times are to different solutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perch.errors import RecordError
from perch.record.protocol import Record

MUST_AGREE = ("data", "space", "trainable", "metric", "mode", "epochs", "optimizer")
"""Keys of the study that two runs must share: otherwise their times are to different solutions."""


def check_alike(runs: list[Record]) -> None:
    """Raise RecordError for runs that cannot be set side by side, naming what differs."""
    if not runs:
        raise RecordError("there is nothing to compare", why="no run was given", fix="name the folders of runs")
    first = _shared(runs[0])
    for run in runs:
        if run.curves.empty:
            raise RecordError(
                f"the run '{run.folder}' is empty", why="no trial reported an epoch", fix="run it, or leave it out"
            )
        differing = [f"{key} ({_short(a)} and {_short(b)})" for key, a, b in _differing(first, _shared(run))]
        if differing:
            raise RecordError(
                f"'{runs[0].folder}' and '{run.folder}' cannot be compared",
                why=f"they differ in {'; '.join(differing)}, so their errors are not of the same thing",
                fix="compare runs of one study: perch compare STUDY makes them",
            )


def _shared(run: Record) -> dict[str, Any]:
    return run.study.model_dump(mode="json", by_alias=True, include=set(MUST_AGREE))


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Keys that differ, with both values; of mappings, the keys in them."""
    for key in MUST_AGREE:
        a, b = first[key], second[key]
        if isinstance(a, dict) and isinstance(b, dict):
            yield from ((f"{key}.{k}", a.get(k), b.get(k)) for k in sorted({*a, *b}) if a.get(k) != b.get(k))
        elif a != b:
            yield key, a, b


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
