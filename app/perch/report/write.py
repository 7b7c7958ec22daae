"""Writing a report: everything at the end of a run, the page alone and cheaply while it goes on."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from perch.errors import RecordError
from perch.report.drawing import Drawn, NotDrawn, draw_all, write_all
from perch.report.report_data import ReportData, gather

PAGE = "report.html"
FIGURES_FOLDER = "figures"


def write(run_folder: str | Path, out: str | Path | None = None, *, files: bool = True) -> Path:
    """Write ``report.html`` and ``figures/`` (PNG, SVG, PDF and the data as CSV) into ``out`` (default: the run folder).

    ``files`` False: the page alone. Returns the page's path. Raises RecordError when there is no record to show.
    """
    report = load(run_folder)
    folder = Path(out) if out is not None else report.folder
    drawn = draw_all(report)
    written = write_all(drawn, folder / FIGURES_FOLDER) if files else {}
    links = {name: [f"{FIGURES_FOLDER}/{file.name}" for file in made] for name, made in written.items()}
    return _write_page(report, drawn, folder, links)


def refresh(run_folder: str | Path) -> Path:
    """Write the page alone, from the record as it is by now; replaces the old one in one step."""
    return write(run_folder, files=False)


def load(run_folder: str | Path) -> ReportData:
    """The record of a run folder, ready to be shown."""
    from perch.record import load as load_record

    folder = Path(run_folder)
    if not folder.is_dir():
        raise RecordError(f"no run at '{run_folder}'", why="there is no such folder", fix="give the folder of a run")
    return gather(load_record(folder))


def replace_file(file: Path, text: str) -> Path:
    """Write a file as a whole: readers see the old one or the new one."""
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        new.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        raise RecordError(
            f"cannot write '{file}'", why=str(error), fix="free some space, or give another folder with --out"
        ) from error
    return file


def _write_page(report: ReportData, drawn: list[Drawn | NotDrawn], folder: Path, files: dict[str, list[str]]) -> Path:
    from perch.report.page import render

    return replace_file(folder / PAGE, render(report, drawn, files))
