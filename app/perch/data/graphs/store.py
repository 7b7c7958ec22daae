"""Flat arrays in a folder, mapped into memory when they are read: workers on one node share one copy.

A folder is written under a temporary name and renamed when it is whole, so that it is either there or not,
however many processes build it at once.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from perch.home import expanded, is_own, spare_folder

META: Final = "meta.json"
CACHE_VARIABLE: Final = "PERCH_CACHE"
_MAP_FROM_BYTES: Final = 65_536


@dataclass(frozen=True)
class Stored:
    """Arrays by name, and what goes with them as JSON."""

    arrays: dict[str, npt.NDArray[Any]]
    meta: dict[str, Any]


def default_cache() -> Path:
    """``$PERCH_CACHE``, else ``perch`` in the user's cache folder; a folder of one's own where that cannot be written."""
    said = os.environ.get(CACHE_VARIABLE)
    if said:
        return expanded(said)
    home = os.environ.get("XDG_CACHE_HOME")
    folder = expanded(home or "~/.cache") / "perch"
    # A container's home may be read-only, or there is none, and ~ stays what it is.
    return folder if folder.is_absolute() and is_own(folder) else spare_folder("cache")


def read(folder: Path) -> Stored | None:
    """What ``write`` left in the folder; None when it is not there, or not whole any more."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        arrays = {}
        for name in meta["arrays"]:
            file = folder / f"{name}.npy"
            # Copy-on-write: nobody can change the file, and torch takes the array without a warning.
            large = file.stat().st_size > _MAP_FROM_BYTES
            arrays[name] = np.load(file, mmap_mode="c" if large else None, allow_pickle=False)
        return Stored(arrays, meta["meta"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(folder: Path, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write arrays and meta into ``folder``, at once or not at all. Raises OSError where that cannot be done."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, array in arrays.items():
            np.save(draft / f"{name}.npy", array, allow_pickle=False)
        text = json.dumps({"arrays": list(arrays), "meta": dict(meta)}, ensure_ascii=False)
        (draft / META).write_text(text, encoding="utf-8")
        draft.chmod(0o755)
        _publish(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _publish(draft: Path, folder: Path) -> None:
    """Give the draft its name. If another process was faster, its folder stays; a broken one is replaced."""
    try:
        draft.rename(folder)
    except OSError:
        if read(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
