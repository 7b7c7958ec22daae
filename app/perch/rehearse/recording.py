"""What a fresh record is good for: how many full curves it holds, and how many a rehearsal needs."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from pathlib import Path

from perch.formatting import duration, short_path
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.table import FEWEST_CURVES, KNOWN_FATES


def what_next(folder: Path) -> Iterator[str]:
    """Lines for people, after a run that recorded."""
    table = read([str(folder)])
    full, shown = len(table.full), shlex.quote(short_path(folder))
    ended = sum(f in KNOWN_FATES for f in table.fates) - full
    also = f", {ended} that diverged or failed" if ended else ""
    yield f"  record:  {full} full curves{also}, {table.distinct} configurations"
    if full >= FEWEST_CURVES:
        yield f"  next:    perch rehearse {shown} --strategies rs,ahb,asha"
        return
    time_s = table.recorded.time_s or 0.0
    if full and time_s:
        more = f"about {duration(math.ceil(time_s * (FEWEST_CURVES - full) / full))} more"
    else:
        more = "more time"
    yield f"  next:    a rehearsal needs {FEWEST_CURVES} full curves: {more} (the same command with a larger --budget and --run-id {folder.name})"
