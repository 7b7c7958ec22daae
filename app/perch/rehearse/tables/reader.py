"""Records by kind: a run, a comparison's folder, a public table. Adding a kind is adding a file to ``readers``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perch.errors import RecordError
from perch.registry import Registry
from perch.rehearse.tables.table import Table


@dataclass(frozen=True)
class Reader:
    """``reads(path)``: is it of this kind?  ``read(paths, part)``: the table; ``part`` names one of several in a file."""

    what: str
    reads: Callable[[Path], bool]
    read: Callable[[Sequence[Path], str | None], Table]
    several: bool = False
    """Whether more than one path makes one table."""


READERS: Final[Registry[Reader]] = Registry("kind of record", "perch.rehearse.tables.readers", RecordError)


def read(records: Sequence[str]) -> Table:
    """The table of one or more records, written ``PATH`` or ``FILE:PART``.

    Raises RecordError for what cannot be read, is of no known kind, or cannot be put together.
    """
    if not records:
        raise RecordError("no record is given", why="a rehearsal needs recorded curves", fix="name a run or a table")
    split = [_split(text) for text in records]
    kinds = [_kind(path) for path, _ in split]
    if len({name for name, _ in kinds}) > 1 or (len(kinds) > 1 and not kinds[0][1].several):
        raise RecordError(
            f"{', '.join(records)} are not one record",
            why=f"they are: {', '.join(reader.what for _, reader in kinds)}",
            fix="give runs of one study, or a single table",
        )
    return kinds[0][1].read([path for path, _ in split], split[0][1])


def _split(text: str) -> tuple[Path, str | None]:
    path = Path(text)
    if path.exists():
        return path, None
    file, colon, part = text.rpartition(":")
    if colon and Path(file).exists():
        return Path(file), part
    raise RecordError(f"there is no record '{text}'", why="no such file or folder", fix="name a run folder or a table")


def _kind(path: Path) -> tuple[str, Reader]:
    for name, reader in READERS.items():
        if reader.reads(path):
            return name, reader
    known = "; ".join(reader.what for _, reader in READERS.items())
    raise RecordError(f"'{path}' is no record that can be read", why=f"it is none of: {known}", fix="name one of these")


def pick(path: Path, parts: Sequence[str], part: str | None) -> str:
    """The wanted part of a file that holds several; the only one where there is one."""
    if part is None and len(parts) == 1:
        return parts[0]
    if part is None or part not in parts:
        shown = ", ".join(parts[:12]) + (f" and {len(parts) - 12} more" if len(parts) > 12 else "")
        what = f"'{path}' holds {len(parts)} tasks" if part is None else f"'{path}' holds no task '{part}'"
        raise RecordError(what, why=f"there are: {shown}", fix=f"name one: {path}:{parts[0] if parts else 'TASK'}")
    return part
