"""The value below which a trial of the search can still be among the best, as the run publishes it and its workers read it.

A placement is given that value when it starts, and before the first results it is infinite: a thousand trials would all lead.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Final

from perch.atomic import replacing

LIMIT: Final = "limit.json"
LARGEST_SHARE: Final = 0.05
"""Of a trial's time, what keeping weights may take at most."""


def publish(weights: Path, keep_below: float) -> None:
    """Tell the workers the value of the last trial that is among the best. ``weights``: the folder that weights are kept in."""
    if math.isfinite(keep_below):
        weights.mkdir(parents=True, exist_ok=True)
        with replacing(weights / LIMIT) as path:
            path.write_text(json.dumps({"keep_below": keep_below}), encoding="utf-8")


def published(weights: Path) -> float:
    """What the run has published last; infinite where it has not yet, or where that cannot be read."""
    try:
        return float(json.loads((weights / LIMIT).read_text(encoding="utf-8"))["keep_below"])
    except (OSError, ValueError, KeyError, TypeError):
        return math.inf


class Pace:
    """Spaces writes so that they take at most ``LARGEST_SHARE`` of the time, however slow the file system has become."""

    def __init__(self) -> None:
        self._next_s = -math.inf

    def due(self, now_s: float) -> bool:
        """True when the next write may be made."""
        return now_s >= self._next_s

    def wrote(self, began_s: float, ended_s: float) -> None:
        """A write has been made."""
        self._next_s = ended_s + (ended_s - began_s) * (1 / LARGEST_SHARE - 1)
