"""A program's checkpoint files: which are whole, which epoch they stand for, and copying one out.

A program writes the line of an epoch first and its checkpoint afterwards; some delete the old one in between. So a file
counts once it is whole and not older than the epoch's line, and nobody resumes from the program's own copy.
"""

from __future__ import annotations

import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perch.command import Checkpoint

STILL_S = 1.0
"""A file of no known format is whole when it has not changed for so long, at most; see ``still_s``."""

RESTORED = "restored"
"""Folder for checkpoints to resume from, where the program does not look for them itself."""


@dataclass(frozen=True)
class Found:
    """A whole checkpoint. ``epoch``: epochs trained, from 1; None where the name does not say. ``written_ns``: when."""

    path: Path
    epoch: int | None
    written_ns: int


def still_s(epoch_s: float) -> float:
    """Seconds without a change after which a file is whole, where epochs take ``epoch_s`` (0: not known).

    A quarter of an epoch: a program that writes one file over and over leaves it alone for most of one.
    """
    return min(STILL_S, max(epoch_s / 4, 0.1)) if epoch_s > 0 else STILL_S


def whole(path: Path, valid: str, still: float = STILL_S) -> bool:
    """True for a complete file. ``still``: seconds without a change that one of no known format needs."""
    try:
        stat = path.stat()
        if stat.st_size == 0:
            return False
        if valid == "zip":
            return _is_whole_zip(path)
        return time.time_ns() - stat.st_mtime_ns > still * 1e9
    except OSError:
        return False


def _is_whole_zip(path: Path) -> bool:
    """True for an archive that its directory describes from the file's first byte on.

    ``zipfile.is_zipfile`` alone takes a truncated archive for whole where the cut follows an archive that is stored within it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return min((member.header_offset for member in archive.infolist()), default=1) == 0
    except (zipfile.BadZipFile, ValueError):
        return False


def matching(spec: Checkpoint, folder: Path) -> list[Path]:
    """Files of the pattern, whole or not; what a resume was started from is not among them."""
    found = {p for pattern in spec.files.split() for p in folder.glob(pattern) if p.is_file()}
    return sorted(p for p in found if p.relative_to(folder).parts[0] != RESTORED)


def find(spec: Checkpoint, folder: Path, first_epoch: int, still: float = STILL_S) -> Iterator[Found]:
    """Whole checkpoints, oldest first."""
    rows = []
    for path in matching(spec, folder):
        try:
            written = path.stat().st_mtime_ns
        except OSError:
            continue
        rows.append((epoch_of(spec, path, first_epoch), written, path))
    for epoch, written, path in sorted(rows, key=lambda r: (r[0] if r[0] is not None else -1, r[1])):
        if whole(path, spec.valid, still):
            yield Found(path, epoch, written)


def epoch_of(spec: Checkpoint, path: Path, first_epoch: int) -> int | None:
    """Epochs trained by a file's name."""
    if spec.epoch is None:
        return None
    match = re.search(spec.epoch, path.name)
    return int(match[1]) - first_epoch + 1 if match else None


def at_least(
    spec: Checkpoint, folder: Path, first_epoch: int, epoch: int, line_ns: int | None, still: float = STILL_S
) -> Found | None:
    """The oldest whole checkpoint that stands for ``epoch`` or a later one; ``line_ns``: when that epoch's line was there."""
    for found in find(spec, folder, first_epoch, still):
        if found.epoch is not None:
            if found.epoch >= epoch:
                return found
        elif line_ns is not None and found.written_ns >= line_ns:
            return found
    return None


def newest(spec: Checkpoint, folder: Path, first_epoch: int, still: float = STILL_S) -> Found | None:
    """The newest whole checkpoint, whatever it stands for."""
    last = None
    for found in find(spec, folder, first_epoch, still):
        last = found
    return last


def copy_out(found: Found, target: Path, valid: str) -> bool:
    """Copy a checkpoint, whole; False when it changed or went meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    try:
        before = found.path.stat()
        shutil.copyfile(found.path, partial)
        after = found.path.stat()
    except OSError:
        partial.unlink(missing_ok=True)
        return False
    same = (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns)
    if not same or (valid == "zip" and not whole(partial, valid)):
        partial.unlink(missing_ok=True)
        return False
    partial.replace(target)
    return True


def prune(spec: Checkpoint, folder: Path, first_epoch: int, spare: int | None = None) -> None:
    """Delete numbered checkpoints but the newest whole ones and that of the epoch ``spare``."""
    if spec.epoch is None:
        return
    numbered = [f for f in find(spec, folder, first_epoch) if f.epoch is not None]
    for found in numbered[: -spec.keep]:
        if found.epoch != spare:
            found.path.unlink(missing_ok=True)
