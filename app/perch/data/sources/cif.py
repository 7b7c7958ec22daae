"""``cif``: a folder of CIF files with ``id_prop.csv``, laid out as the reference CGCNN reads it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perch.data.reading.files import reading
from perch.data.reading.select import selected
from perch.data.reading.source import SOURCES, Defaults, Entry, Progress
from perch.errors import DataError

if TYPE_CHECKING:
    from perch.study import DataSpec

TABLE = "id_prop.csv"
DEUTERIUM_U = 1.5
"""Hydrogen of a larger mass, in atomic mass units, is deuterium or tritium."""


class Cif:
    """``id_prop.csv`` names a structure and its target per line, ``ID.cif`` holds it. A header line may name columns."""

    summary = f"a folder of CIF files with {TABLE}, as the reference CGCNN reads it"
    needs_path = True
    defaults = Defaults(target="target")

    def check(self, spec: DataSpec, path: Path | None) -> None:
        """The folder and its table are there."""
        if path is None:
            return
        if not path.is_dir():
            raise DataError(
                f"data.path '{spec.path}' is not a folder",
                why="source cif reads one",
                fix=f"name the folder with {TABLE}",
            )
        if not (path / TABLE).is_file():
            raise DataError(
                f"data.path '{spec.path}' holds no {TABLE}",
                why="it names each structure and its target: 'ID,TARGET' per line",
                fix=f"write {TABLE} beside the CIF files",
            )

    def files(self, spec: DataSpec, path: Path | None) -> Iterable[Path]:
        """The table, then every CIF file that it names."""
        return [] if path is None else [path / TABLE, *(path / f"{row['id']}.cif" for row in table(path / TABLE))]

    def read(self, spec: DataSpec, path: Path | None, progress: Progress | None) -> list[Entry]:
        """Every structure of the table."""
        import ase.io

        assert path is not None
        self.check(spec, path)
        entries, rows = [], table(path / TABLE)
        for done, row in enumerate(rows):
            file = path / f"{row['id']}.cif"
            if not file.is_file():
                raise DataError(
                    f"{TABLE} names '{row['id']}', but there is no {file.name}",
                    why=f"looked in {path}",
                    fix="add the file, or remove the line",
                )
            with reading(file):
                atoms = ase.io.read(str(file), format="cif", do_not_split_by_at_sign=True)
            if ((atoms.numbers == 1) & (atoms.get_masses() > DEUTERIUM_U)).any():  # ASE reads D as heavy H
                raise DataError(
                    f"{file.name} holds deuterium",
                    why="it is an isotope, and features and networks know elements",
                    fix="write H in its place, or remove the line",
                )
            if not atoms.cell.rank == 3:
                raise DataError(
                    f"{file.name} has no cell",
                    why="a CIF without cell lengths is no crystal",
                    fix="add the cell, or remove the line",
                )
            entries.append(Entry(atoms, str(row["id"]), (("info", {k: v for k, v in row.items() if k != "id"}),)))
            if progress and done % 100 == 0:
                progress("reading structures", done, len(rows))
        return selected(entries, spec.select)


def table(path: Path) -> list[dict[str, Any]]:
    """Rows of ``id_prop.csv``: ``id``, ``target``, and what a header line names beyond."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = [(n, row) for n, row in enumerate(csv.reader(file), start=1) if any(cell.strip() for cell in row)]
    if not lines:
        raise DataError(
            f"{path.name} is empty", why="it should hold 'ID,TARGET' per line", fix="write a line per structure"
        )
    names = ["id", "target"]
    if len(lines[0][1]) > 1 and _value(lines[0][1][1].strip()) is lines[0][1][1].strip():
        names = ["id", *(cell.strip() for cell in lines.pop(0)[1][1:])]
    rows = []
    for number, row in lines:
        if len(row) < 2 or not row[0].strip() or "/" in row[0] or "\\" in row[0]:
            raise DataError(
                f"{path.name}, line {number}: not 'ID,TARGET'",
                why=f"it reads {','.join(row)!r}",
                fix="correct that line",
            )
        rows.append(
            {
                name: _value(cell.strip()) if name != "id" else cell.strip()
                for name, cell in zip(names, row, strict=False)
            }
        )
    return rows


def _value(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


SOURCES.register("cif", Cif())
