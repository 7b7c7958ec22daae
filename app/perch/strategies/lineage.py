"""Who descends from whom in a population: the chain of segments that led to a trial's weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perch.strategies.strategy import Config


@dataclass(frozen=True, slots=True)
class Stretch:
    """Epochs ``first_epoch`` to ``last_epoch`` (both trained here) of one trial under one configuration."""

    trial: str
    segment: int
    first_epoch: int
    last_epoch: int
    config: Config


@dataclass(slots=True)
class _Segment:
    config: Config
    parent: tuple[str, int, int] | None
    last_epoch: int


class Lineage:
    """Every segment of every trial, with the donor's (trial, segment, epoch) that it started from."""

    def __init__(self) -> None:
        self._segments: dict[str, list[_Segment]] = {}

    def start(self, trial: str, config: Mapping[str, Any]) -> None:
        """A trial begins, in segment 0."""
        self._segments[trial] = [_Segment(dict(config), None, 0)]

    def report(self, trial: str, epoch: int) -> None:
        """The trial's present segment has trained up to ``epoch``."""
        self._segments[trial][-1].last_epoch = epoch

    def exploit(self, trial: str, donor: str, segment: int, epoch: int, config: Mapping[str, Any]) -> None:
        """The trial begins its next segment from the donor's checkpoint."""
        self._segments[trial].append(_Segment(dict(config), (donor, segment, epoch), epoch))

    def of(self, trial: str) -> tuple[Stretch, ...]:
        """The stretches that led to the trial's present state, the first first; those without an epoch are left out."""
        chain: list[Stretch] = []
        name, number = trial, len(self._segments[trial]) - 1
        until = self._segments[name][number].last_epoch
        while True:
            segment = self._segments[name][number]
            start = segment.parent[2] if segment.parent else 0
            if until > start:
                chain.append(Stretch(name, number, start + 1, until, segment.config))
            if segment.parent is None:
                return tuple(reversed(chain))
            name, number, until = segment.parent
