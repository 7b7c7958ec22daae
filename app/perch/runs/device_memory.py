"""Which configurations a run does not start, since they are predicted not to fit a trial's share of a GPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perch.errors import StudyError
from perch.formatting import gigabytes
from perch.trainables import Data, Kind
from perch.view.steps import Silent, Steps

if TYPE_CHECKING:
    from perch.memory.fitting import Sized
    from perch.memory.limit import Limit

Refuses = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True)
class TooLarge:
    """Says why a configuration is not started. It must be too large even at the lower end of its estimate."""

    sized: Sized
    limit: Limit

    def __call__(self, config: Mapping[str, Any]) -> str | None:
        """The reason, None for one that fits or may."""
        least = self.sized.least_bytes(config)
        if least <= self.limit.bytes:
            return None
        return (
            f"it needs about {gigabytes(self.sized.bytes(config))} of a GPU, {gigabytes(least)} at least, and a trial may take "
            f"{gigabytes(self.limit.bytes)} ({self.limit.source})"
        )


def too_large(kind: Kind, data: Data, say: Callable[[str], None], steps: Steps | None = None) -> Refuses | None:
    """What the study's run refuses; None where no limit is known, or nothing of its trainable.

    Raises StudyError where nothing of the space fits, or one of the study's own points does not.
    """
    from perch.memory.limit import limit_of

    study = kind.study
    limit = limit_of(study, look=not os.environ.get("RAY_ADDRESS"))
    if limit is None:
        return None
    with (steps or Silent()).step("counting what configurations take of a GPU"):
        sized = kind.sized(data)
    if sized is None:
        if study.resources.gpu_memory is not None:
            say(
                "note: resources.gpu_memory is not used: what this trainable takes of a GPU is not known before it trains"
            )
        return None
    refuses = TooLarge(sized, limit)
    _check(kind, refuses, say)
    return refuses


def _check(kind: Kind, refuses: TooLarge, say: Callable[[str], None]) -> None:
    from perch.memory.command import nothing_fits
    from perch.memory.fitting import part_of

    study = kind.study
    for point in study.points if isinstance(study.points, list) else ():
        if reason := refuses(study.search_space.complete(point)):
            raise StudyError(
                f"a point of the study does not fit the device: {point}", why=reason,
                fix="remove it, make it smaller, or correct resources.gpu_memory ('perch space STUDY' shows what fits)",
            )  # fmt: skip
    part = part_of(study.search_space, refuses.sized, refuses.limit.bytes)
    if part.fits == part.unsure == 0:
        raise nothing_fits(part, refuses.limit)
    if part.too_large > 0:
        say(
            f"note: {max(part.too_large, 0.001):.1%} of the space does not fit {gigabytes(refuses.limit.bytes)} of a GPU "
            f"({refuses.limit.source}) and is not started; 'perch space' names a condition that leaves it out"
        )
