"""How fast a run went: what the next run of the same space can expect of its budget."""

from __future__ import annotations

import statistics
from typing import Any

from perch.record.tables import Tables


def pace(tables: Tables) -> dict[str, Any]:
    """``completed``: trials of the search that reached the last epoch.  ``training_s``: median seconds of one of them, its
    start included, None without any.  ``search_s, confirmation_s``: consumed seconds; None for a confirmation that has not ended.
    """
    search = [t for t in tables.trials.values() if t.phase == "search"]
    whole = [t for t in search if t.status == "completed" and t.end_s is not None]
    lasted = [t.end_s - t.start_s for t in whole if t.end_s is not None]
    begins = [t.start_s for t in tables.trials.values() if t.of in tables.confirming]
    search_s = min(begins, default=tables.used_s)
    done = bool(begins) and tables.closed is not None and tables.closed["why"] == "done"
    return {
        "completed": len(whole),
        "training_s": round(statistics.median(lasted), 3) if lasted else None,
        "search_s": round(search_s, 3),
        "confirmation_s": round(tables.used_s - search_s, 3) if done else None,
    }
