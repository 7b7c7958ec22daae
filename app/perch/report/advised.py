"""What a run said of its own rungs while it went on, as sentences of its report."""

from __future__ import annotations

import json
from pathlib import Path

from perch.log.folder import RunFolder


def advised(folder: Path) -> list[tuple[str, str]]:
    """How far its rungs can be trusted, and a warning where one is nearly blind; nothing where nobody has looked."""
    try:
        found = json.loads(RunFolder(folder).advice.read_text(encoding="utf-8"))
        first, *rest = (str(line) for line in found["says"])
        warned = bool(found["blind"])
    except (OSError, ValueError, KeyError, TypeError):  # none was written, or somebody else's file
        return []
    out = [("plain", f"How far early results can be trusted: {first}.")]
    return [*out, *(("warning" if warned else "plain", f"{line[0].upper()}{line[1:]}.") for line in rest)]
