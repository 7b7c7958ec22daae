"""What passes between a campaign and an engine: a placement goes out, an instruction comes back for every result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from perch.log.state import Save


@dataclass(frozen=True, slots=True)
class Placement:
    """One uninterrupted stretch of a trial on a worker.

    A start, a resume after a pause, an exploit, a restart after a kill and one after a lost worker are all placements:
    they differ only in the checkpoint that they start from.
    """

    trial: str
    config: Mapping[str, Any]
    segment: int
    start: Save | None
    """The checkpoint to start from; None: from the beginning."""
    seed_key: str
    keep_below: float
    """Weights are worth keeping when the value falls below this (the fifth best so far)."""
    off: frozenset[str] = frozenset()
    """Addresses of nodes that have broken it since its last new result: it is tried elsewhere if there is another."""
    alone: bool = False
    """It ran out of memory on a GPU that it shared: it gets one to itself."""
    searches: bool = True
    """False for a training with a fresh seed, after the search."""


class Instruction(Enum):
    """What the engine does with a placement after a result."""

    CONTINUE = auto()
    SAVE = auto()
    """Save, then train on."""
    STOP = auto()
    SAVE_AND_STOP = auto()
