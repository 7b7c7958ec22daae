"""What is kept of the curves of a search: those that still change, the most promising of those that have ended, and little of the rest.

So that who is trained with fresh seeds can be chosen without reading the log, whatever its length.
"""

from __future__ import annotations

import json
import math
from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from statistics import fmean, median
from typing import Any, Final

from perch.vocabulary import EPOCH_S, STATUS_OF

SMOOTHED: Final = 3
"""A curve is worth the mean of its three lowest values: a training counts by its best epoch, but a single one may be low by
chance. Last values say less: where the learning rate stays, they swing."""
MOST_ENDED: Final = 64
"""Ended trials whose curves are kept, of as many configurations."""

WELL: Final = ("completed", "stopped")
"""Statuses of trials that have ended without a fault."""

Rank = tuple[int, float, int]
"""Order of promise, the first the lowest: minus the epochs trained, the worth, the ordinal."""


@dataclass(slots=True)
class Curve:
    """What a trial's curve shows. Values are as strategies see them: lower is better."""

    config: Mapping[str, Any]
    key: bytes
    """The configuration's short name, of ``key_of``."""
    ordinal: int = 0
    epoch: int = 0
    ended_badly: bool = False
    lowest: list[float] = field(default_factory=list)
    seconds: float = 0.0
    timed: int = 0

    @property
    def worth(self) -> float:
        """Mean of the lowest values."""
        return fmean(self.lowest)

    @property
    def rank(self) -> Rank:
        """Where it stands by promise; it must have a value."""
        return -self.epoch, self.worth, self.ordinal

    @property
    def epoch_s(self) -> float | None:
        """Mean seconds of an epoch; None where none was timed."""
        return self.seconds / self.timed if self.timed else None

    def add(self, epoch: int, value: float, metrics: Mapping[str, Any]) -> None:
        """Another epoch's value, and what was reported with it."""
        self.epoch = epoch
        insort(self.lowest, value)
        del self.lowest[SMOOTHED:]
        seconds = metrics.get(EPOCH_S, metrics.get("time_this_iter_s"))
        if isinstance(seconds, (int, float)):
            self.seconds, self.timed = self.seconds + seconds, self.timed + 1


class Curves:
    """The curves of the search, kept up event by event. ``most``: ended trials that are kept."""

    def __init__(self, most: int = MOST_ENDED) -> None:
        self.most = most
        self._live: dict[str, Curve] = {}
        self._ended: list[tuple[Rank, str, Curve]] = []
        self._rank_of: dict[bytes, Rank] = {}
        """Configuration of each kept ended trial → its rank."""
        self._first: dict[bytes, tuple[str, int]] = {}
        """Configuration → the first trial that had it, and its ordinal."""
        self._epoch_s = array("d")
        """Mean seconds of an epoch by ordinal; no number where none was timed."""

    def begin(self, trial: str, ordinal: int, config: Mapping[str, Any]) -> None:
        """A trial of the search."""
        key = key_of(config)
        self._live[trial] = Curve(config, key, ordinal)
        self._first.setdefault(key, (trial, ordinal))
        self._epoch_s.extend([math.nan] * (ordinal + 1 - len(self._epoch_s)))

    def lives(self, trial: str) -> bool:
        """True for a trial of the search that has not ended."""
        return trial in self._live

    def add(self, trial: str, epoch: int, value: float, metrics: Mapping[str, Any]) -> None:
        """A result of a live trial."""
        self._live[trial].add(epoch, value, metrics)

    def end(self, trial: str, *, badly: bool) -> None:
        """A trial will report nothing more. ``badly``: it failed, and is not worth a training."""
        curve = self._live.pop(trial)
        curve.ended_badly = badly
        self._epoch_s[curve.ordinal] = math.nan if curve.epoch_s is None else curve.epoch_s
        if badly or not curve.lowest:
            return
        key, rank = curve.key, curve.rank
        if (other := self._rank_of.get(key)) is not None:
            if other < rank:
                return
            del self._ended[bisect_left(self._ended, other, key=lambda kept: kept[0])]
        insort(self._ended, (rank, trial, curve), key=lambda kept: kept[0])
        self._rank_of[key] = rank
        if len(self._ended) > self.most:
            *_, dropped = self._ended.pop()
            del self._rank_of[dropped.key]

    def candidates(self) -> dict[str, Curve]:
        """Live trials and the most promising of the others, in the order in which they began."""
        found = {**self._live, **{trial: curve for _, trial, curve in self._ended}}
        return dict(sorted(found.items(), key=lambda item: item[1].ordinal))

    def first_with(self, config: Mapping[str, Any]) -> str | None:
        """The first trial that had this configuration."""
        found = self._first.get(key_of(config))
        return None if found is None else found[0]

    def epoch_s(self, config: Mapping[str, Any]) -> float | None:
        """Mean seconds of an epoch of the first trial that had this configuration; None where none was timed."""
        found = self._first.get(key_of(config))
        if found is None:
            return None
        if (live := self._live.get(found[0])) is not None:
            return live.epoch_s
        known = self._epoch_s[found[1]]
        return None if math.isnan(known) else known

    def usual_epoch_s(self) -> float | None:
        """The median over trials of an epoch's seconds; None where none was timed."""
        known = [s for s in self._epoch_s if s > 0]
        known += [s for c in self._live.values() if (s := c.epoch_s) is not None and s > 0]
        return median(known) if known else None


def read_curves(events: Iterable[Mapping[str, Any]], most: int) -> Curves:
    """The curves that a log tells, with more ended trials among them than a run keeps."""
    curves = Curves(most)
    for event in events:
        kind, trial = event["e"], event.get("id", "")
        if kind == "trial" and event.get("phase", "search") == "search":
            curves.begin(trial, event["i"], event["config"])
        elif kind == "result" and curves.lives(trial):
            curves.add(trial, event["epoch"], event["value"], event.get("m", {}))
            if event["d"] == "stop":
                curves.end(trial, badly=False)
        elif kind == "error" and curves.lives(trial):
            curves.end(trial, badly=STATUS_OF.get(event["failure"]) not in WELL)
    return curves


def key_of(config: Mapping[str, Any]) -> bytes:
    """A short name of a configuration; two of 100,000 share one with a chance of one in four thousand million."""
    return blake2b(json.dumps(config, sort_keys=True).encode(), digest_size=8).digest()


def promising(curves: Mapping[str, Curve]) -> list[str]:
    """Trials by promise: those trained longest first, among equals the lowest worth; no configuration twice.

    Multi-fidelity strategies have trained longest what they judged best, and a curve that was stopped early says little
    of its end, however low one of its values was.
    """
    ranked = sorted((n for n, c in curves.items() if c.lowest and not c.ended_badly), key=lambda n: curves[n].rank)
    first: dict[bytes, str] = {}
    for name in ranked:
        first.setdefault(curves[name].key, name)
    return list(first.values())
