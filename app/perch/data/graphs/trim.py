"""Keeps a folder of cached things below a size: what was used longest ago goes first."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Final

SIZE_VARIABLE: Final = "PERCH_CACHE_GB"
USUAL_GB: Final = 20.0
DRAFT_S: Final = 86_400.0
"""A draft (a folder whose name begins with a dot) that old belongs to a process that was killed."""


def most_bytes() -> float:
    """How large a folder may become: ``$PERCH_CACHE_GB``, else 20 GB."""
    try:
        return float(os.environ.get(SIZE_VARIABLE, USUAL_GB)) * 1e9
    except ValueError:
        return USUAL_GB * 1e9


def trim(folder: Path, most: float, keep: Path) -> list[Path]:
    """Remove whole entries, the one used longest ago first, until the rest has ``most`` bytes; ``keep`` stays.

    Whoever has mapped a file goes on with it: it is gone from the folder, and from the disk when nobody has it open. Returns
    what was removed.
    """
    now_s, sizes, used_s = time.time(), {}, {}
    removed = []
    for entry in folder.iterdir():
        try:
            age_s = now_s - entry.stat().st_mtime
            if entry.name.startswith("."):
                if age_s > DRAFT_S:
                    removed.append(entry)
                continue
            sizes[entry] = sum(file.stat().st_size for file in entry.rglob("*") if file.is_file())
            used_s[entry] = now_s - age_s
        except OSError:  # another process is removing it
            continue
    total = sum(sizes.values())
    for entry in sorted((e for e in sizes if e != keep), key=lambda e: used_s[e]):
        if total <= most:
            break
        removed.append(entry)
        total -= sizes[entry]
    for entry in removed:
        shutil.rmtree(entry, ignore_errors=True)
    return removed
