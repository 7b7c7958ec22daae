"""``best/winner.json``: whose models these are, what they are worth, and in which folder each lies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from perch.atomic import replacing
from perch.record.words import winner_line

WINNER: Final = "winner.json"


def write_about(
    best: Path,
    summary: Mapping[str, Any],
    members: Sequence[str],
    *,
    runners_up: Sequence[str] = (),
    note: str = "",
    ensemble: Mapping[str, float] | None = None,
) -> None:
    """Write it. ``members``: the winner's trainings, in the order of ``best/`` and ``best/ensemble``. ``note``: what must be
    said of them. ``ensemble``: errors in eV of the members' mean prediction, by the name of the set (``validation``, ``test``).
    """
    best.mkdir(parents=True, exist_ok=True)
    content = {
        "run_id": summary["run_id"],
        "winner": summary["winner"],
        "start_point": summary["start_point"],
        "members": list(members),
        "runners_up": list(runners_up),
        "ensemble": ensemble,
        "note": note,
        "words": [f"winner: {winner_line(summary)}", *_together(members, ensemble), *([note] if note else [])],
    }
    with replacing(best / WINNER) as path:
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _together(members: Sequence[str], ensemble: Mapping[str, float] | None) -> list[str]:
    if ensemble is None or len(members) < 2:
        return []
    errors = ", ".join(f"{name} MAE {value:.3f} eV" for name, value in ensemble.items())
    return [f"ensemble: the mean prediction of its {len(members)} trainings: {errors}"]


def read_about(best: Path) -> dict[str, Any] | None:
    """What ``write_about`` wrote; None where it is not there (runs of earlier versions, ``perch train``)."""
    try:
        found = json.loads((best / WINNER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
