"""Run folders from lists of events that are written by hand: a study, a log, and whatever is derived from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from perch.log.events import EventLog
from perch.log.folder import RunFolder
from perch.study import Study, dump, parse

STUDY: dict[str, Any] = {
    "name": "by-hand", "trainable": "toy:Toy", "space": {"x": {"float": [0.0, 1.0]}}, "metric": "loss", "epochs": 3,
    "strategy": "asha", "budget": {"trials": 9}, "confirm": {"top": 0}, "log": [], "seed": 7,
}  # fmt: skip


def study(**changes: Any) -> Study:
    """A study of a trainable that is never imported."""
    return parse({**STUDY, **changes})


def run_folder(path: Path, spec: Study, events: Sequence[Mapping[str, Any]], attempts: int = 1) -> RunFolder:
    """A run folder with ``study.yaml`` and a log of ``attempts`` files; each file begins with its ``attempt`` event.

    ``events`` of the last attempt follow; what an ``attempt`` event says beside its number is taken from the first of
    ``events``, where that is one.
    """
    folder = RunFolder(path)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.study.write_text(dump(spec), encoding="utf-8")
    facts: Mapping[str, Any] = {}
    if events and events[0]["e"] == "attempt":
        facts, events = events[0], events[1:]
    for number in range(attempts):
        log = EventLog(folder.events)
        accepts = {str(k): v for k, v in log.accepts.items()}
        log.append({"used_s": 0.0, **facts, "e": "attempt", "n": log.attempt, "accepts_bytes": accepts})
        for event in events if number == attempts - 1 else ():
            log.append(dict(event))
        log.close()
    return folder


def trial(name: str, config: Mapping[str, Any], used_s: float, **more: Any) -> dict[str, Any]:
    """A trial that begins."""
    return {"e": "trial", "id": name, "i": int(name[:5]), "config": dict(config), "used_s": used_s, **more}


def start(name: str, used_s: float, slots: int = 1, segment: int = 0) -> dict[str, Any]:
    """A placement of it."""
    return {"e": "start", "id": name, "seg": segment, "slots": slots, "used_s": used_s}


def result(name: str, epoch: int, value: float, used_s: float, decision: str = "go", **more: Any) -> dict[str, Any]:
    """An epoch of it; ``m``: what the trainable reported."""
    found = {"e": "result", "id": name, "seg": 0, "epoch": epoch, "value": value, "d": decision, "used_s": used_s}
    return {**found, "m": {"loss": value}, **more}
