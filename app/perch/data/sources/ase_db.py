"""``ase-db``: structures in an ASE database, ``.db`` (SQLite), ``.json`` or ``.aselmdb``, chosen with ``select:``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.data.reading.files import need_file, reading
from perch.data.reading.select import tidied
from perch.data.reading.source import SOURCES, Defaults, Entry, Progress
from perch.errors import DataError

if TYPE_CHECKING:
    from perch.study import DataSpec


class AseDb:
    """One row, one structure; an id is the row's number."""

    summary = "an ASE database (.db, .json, .aselmdb), rows chosen with select"
    needs_path = True
    defaults = Defaults()

    def check(self, spec: DataSpec, path: Path | None) -> None:
        """There is a file of a kind that is known."""
        if path is not None:
            need_file(path, spec, [".db", ".json", ".aselmdb"])

    def files(self, spec: DataSpec, path: Path | None) -> Iterable[Path]:
        """The database."""
        return [path] if path else []

    def read(self, spec: DataSpec, path: Path | None, progress: Progress | None) -> list[Entry]:
        """Every row that ``select`` lets through."""
        from ase.db import connect

        assert path is not None
        self.check(spec, path)
        if path.suffix == ".aselmdb":
            _try_lmdb(path)
        keywords = {"readonly": True} if path.suffix == ".aselmdb" else {}
        entries: list[Entry] = []
        with (
            reading(path),
            connect(str(path), type=path.suffix[1:], use_lock_file=False, **keywords) as database,
        ):
            total = database.count() if progress else 0
            for row in _rows(database, tidied(spec.select)):
                entries.append(_entry(row))
                if progress and len(entries) % 100 == 0:
                    progress("reading structures", len(entries), total)
        return entries


_WALK = """
import sys, lmdb
with lmdb.open(sys.argv[1], subdir=False, readonly=True, lock=False) as environment, environment.begin(buffers=True) as look:
    for key, value in look.cursor():
        bytes(value)
"""


def _try_lmdb(path: Path) -> None:
    """Read every page in a process of its own: LMDB maps the file, and a truncated one kills whoever reads it."""
    done = subprocess.run([sys.executable, "-c", _WALK, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise DataError(
            f"cannot read {path.name}",
            why=said[-1]
            if said
            else f"reading it ends with signal {-done.returncode}: the file is shorter than it says",
            fix="the file is truncated or damaged: copy it again",
        )


def _entry(row: Any) -> Entry:
    """Key-value pairs before data before the calculator's results: the order in which keys are looked up."""
    atoms = row.toatoms()
    results = dict(atoms.calc.results) if atoms.calc else {}
    return Entry(
        atoms, str(row.id), (("key_value_pairs", row.key_value_pairs), ("data", row.data), ("calculator", results))
    )


def _rows(database: Any, select: str | None) -> Iterator[Any]:
    try:
        yield from database.select(select)
    except (ValueError, KeyError, AssertionError) as error:
        raise DataError(
            f"data.select '{select}' cannot be read",
            why=str(error) or "it is not ASE's selection syntax",
            fix="write conditions joined by commas, such as surface=111,energy<0",
        ) from error


SOURCES.register("ase-db", AseDb())
