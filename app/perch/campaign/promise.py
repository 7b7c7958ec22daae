"""What the curves of a search promise at their end: which of its trials are worth a full training with fresh seeds."""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final

from perch.log.events import Event
from perch.log.state import SEARCH
from perch.vocabulary import ENDED, EPOCH_S, ON_REQUEST

SMOOTHED: Final = 3
"""A curve is worth the mean of its three lowest values: a training counts by its best epoch, but a single one may be low by
chance. Last values say less: where the learning rate stays, they swing."""


@dataclass
class Curve:
    """What a trial's curve shows. Values are as strategies see them: lower is better."""

    config: Mapping[str, Any]
    epoch: int = 0
    ended_badly: bool = False
    lowest: list[float] = field(default_factory=list)
    seconds: float = 0.0
    timed: int = 0

    @property
    def worth(self) -> float:
        """Mean of the lowest values."""
        return fmean(self.lowest)

    def add(self, epoch: int, value: float) -> None:
        """Another epoch's value."""
        self.epoch = epoch
        insort(self.lowest, value)
        del self.lowest[SMOOTHED:]

    @property
    def epoch_s(self) -> float | None:
        """Mean seconds of an epoch; None where none was timed."""
        return self.seconds / self.timed if self.timed else None


def search_curves(events: Iterable[Event]) -> dict[str, Curve]:
    """All curves of the search, in the order in which their trials began."""
    curves: dict[str, Curve] = {}
    for event in events:
        kind = event["e"]
        if kind == "trial" and event.get("phase", SEARCH) == SEARCH:
            curves[event["id"]] = Curve(event["config"])
        elif kind == "result" and (curve := curves.get(event["id"])) is not None:
            curve.add(event["epoch"], event["value"])
            metrics = event.get("m", {})
            seconds = metrics.get(EPOCH_S, metrics.get("time_this_iter_s"))
            if isinstance(seconds, (int, float)):
                curve.seconds, curve.timed = curve.seconds + seconds, curve.timed + 1
        elif kind == "error" and event["failure"] not in (ENDED, ON_REQUEST) and event["id"] in curves:
            curves[event["id"]].ended_badly = True
    return curves


def promising(curves: Mapping[str, Curve]) -> list[str]:
    """Trials by promise: those trained longest first, among equals the lowest worth; no configuration twice.

    Multi-fidelity strategies have trained longest what they judged best, and a curve that was stopped early says little
    of its end, however low one of its values was.
    """
    ranked = sorted(
        (name for name, c in curves.items() if c.lowest and not c.ended_badly),
        key=lambda name: (-curves[name].epoch, curves[name].worth),
    )
    first: dict[str, str] = {}
    for name in ranked:
        first.setdefault(json.dumps(curves[name].config, sort_keys=True), name)
    return list(first.values())
