"""The command that goes on with what was interrupted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path


def again(words: Sequence[str], out: Path, run_id: str) -> str:
    """``perch WORDS`` with its folder ``out/run_id`` named, unless it was; for a shell."""
    kept = [w for w in words if w != "--resume"]
    for option, value in (("--run-id", run_id), ("--out", short(out))):
        if not any(w == option or w.startswith(f"{option}=") for w in kept):
            kept += [option, value]
    return shlex.join(["perch", *kept])


def short(path: Path) -> str:
    """The path as one would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
