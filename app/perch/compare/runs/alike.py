"""Whether runs are of the same study: otherwise their times are to different solutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perch.errors import RecordError
from perch.record.protocol import Record

MUST_AGREE = ("data", "space", "trainable", "metric", "mode", "epochs", "optimizer")
"""Keys of the study that two runs must share: otherwise their times are to different solutions."""


def study_of(run: Record) -> dict[str, Any]:
    """The study of a run as a mapping."""
    study = run.study
    return dict(study) if isinstance(study, Mapping) else dict(study.model_dump(mode="json", by_alias=True))


def check_alike(runs: list[Record]) -> None:
    """Raise RecordError for runs that cannot be set side by side, naming what differs."""
    if not runs:
        raise RecordError("there is nothing to compare", why="no run was given", fix="name the folders of runs")
    first = study_of(runs[0])
    for run in runs:
        if run.curves.empty:
            raise RecordError(
                f"the run '{run.folder}' is empty", why="no trial reported an epoch", fix="run it, or leave it out"
            )
        study = study_of(run)
        differing = [f"{k} ({_short(first.get(k))} and {_short(study.get(k))})" for k in _differing(first, study)]
        if differing:
            raise RecordError(
                f"'{runs[0].folder}' and '{run.folder}' cannot be compared",
                why=f"they differ in {'; '.join(differing)}, so their errors are not of the same thing",
                fix="compare runs of one study: perch compare STUDY makes them",
            )


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    out = []
    for key in MUST_AGREE:
        a, b = first.get(key), second.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            out += [f"{key}.{k}" for k in sorted({*a, *b}) if a.get(k) != b.get(k)]
        elif a != b:
            out.append(key)
    return out


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
