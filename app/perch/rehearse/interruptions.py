"""What a rehearsal is interrupted by, from the command line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from perch.errors import StudyError
from perch.formatting import duration
from perch.rehearse.tables.table import Table
from perch.simulate.interruptions import NONE, Interruptions


def interruptions_of(
    table: Table, *, lost_every: str | None, back_after: str, walltime: str | None, warning: str
) -> Interruptions:
    """Losses and walltimes as asked for; nothing by default. Raises StudyError for what no trial would survive."""
    if lost_every is None and walltime is None:
        return NONE
    lost_s, walltime_s = _seconds("--lost-every", lost_every), _seconds("--walltime", walltime)
    first_s = table.epoch_s + table.recorded.report_s + table.recorded.delays.start_s
    for option, given_s in (("--lost-every", lost_s), ("--walltime", walltime_s)):
        if given_s <= first_s:
            raise StudyError(
                f"{option} {given_s:g} s leaves no time for an epoch",
                why=f"a worker's first epoch ends after {first_s:.4g} s (mean of the record)",
                fix="give more",
            )
    return Interruptions(lost_s, _seconds("--back-after", back_after), walltime_s, _seconds("--warning", warning))


def as_json(interruptions: Interruptions) -> dict[str, Any] | None:
    """For JSON, which knows no infinity; None: there are none."""
    if interruptions == NONE:
        return None
    names = ("lost_every_s", "back_after_s", "walltime_s", "warning_s")
    found = {name: getattr(interruptions, name) for name in names}
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def lines(interruptions: Interruptions) -> Iterator[str]:
    """For people."""
    if interruptions == NONE:
        return
    parts = []
    if math.isfinite(interruptions.lost_every_s):
        every, back = duration(interruptions.lost_every_s), duration(interruptions.back_after_s)
        parts.append(f"a worker is lost every {every} of training (mean), another is there after {back}")
    if math.isfinite(interruptions.walltime_s):
        warned, every = duration(interruptions.warning_s), duration(interruptions.walltime_s)
        parts.append(f"jobs end after {every}, {warned} after a warning; the wait for the next job is not counted")
    yield "interruptions: " + "; ".join(parts)


def _seconds(option: str, text: str | None) -> float:
    from perch.fields import seconds

    if text is None:
        return math.inf
    try:
        return float(seconds(text))
    except ValueError as error:
        raise StudyError(f"{option} {text}", why=str(error), fix="write 90s, 10m or 8h") from error
