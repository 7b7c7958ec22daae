"""Writing a report: everything at the end of a run, the page alone and cheaply while it goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from perch.errors import RecordError
from perch.report.figure import FIGURES, Missing
from perch.report.material import Material, gather
from perch.report.style import styled

PAGE = "report.html"
FIGURES_FOLDER = "figures"


def write(run_folder: str | Path, out: str | Path | None = None) -> Path:
    """Write ``report.html`` and ``figures/`` (PNG, SVG, PDF and the data as CSV) into ``out`` (default: the run folder).

    Returns the page's path. Raises RecordError when there is no record to show.
    """
    material = load(run_folder)
    folder = Path(out) if out is not None else material.folder
    files = write_figures(material, folder / FIGURES_FOLDER)
    shown = {name: [f"{FIGURES_FOLDER}/{file.name}" for file in made] for name, made in files.items()}
    return _write_page(material, folder, shown)


def refresh(run_folder: str | Path) -> Path:
    """Write the page alone, from the record as it is by now; replaces the old one in one step."""
    material = load(run_folder)
    return _write_page(material, material.folder, {})


def write_figures(material: Material, folder: Path) -> dict[str, list[Path]]:
    """Write each figure that the run has data for in four forms; figure name → files."""
    made: dict[str, list[Path]] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in FIGURES.items():
        try:
            table = figure.table(material)
        except Missing:
            continue
        made[name] = [folder / f"{name}.{kind}" for kind in ("png", "svg", "pdf", "csv")]
        with styled(name):
            drawn = figure.draw(material, table)
            for file in made[name][:3]:
                clean = (
                    {"Date": None} if file.suffix == ".svg" else {"CreationDate": None} if file.suffix == ".pdf" else {}
                )
                drawn.savefig(file, facecolor="white", metadata=clean)
        table.to_csv(made[name][3], index=False)
    return made


def load(run_folder: str | Path) -> Material:
    """The record of a run folder, ready to be shown."""
    from perch.record import load as load_record

    folder = Path(run_folder)
    if not folder.is_dir():
        raise RecordError(f"no run at '{run_folder}'", why="there is no such folder", fix="give the folder of a run")
    return gather(load_record(folder))


def _write_page(material: Material, folder: Path, files: dict[str, list[str]]) -> Path:
    from perch.report.page import render

    page = folder / PAGE
    new = folder / f".{PAGE}.{os.getpid()}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_text(render(material, files=files), encoding="utf-8")
        new.replace(page)
    except OSError as error:
        raise RecordError(
            f"cannot write '{page}'", why=str(error), fix="free some space, or give another folder with --out"
        ) from error
    return page


class Refresher:
    """Refreshes a page from a process of its own, so that a run neither waits for it nor carries matplotlib.

    ``tick`` is cheap; call it whenever the Parquet files have been written. A refresh starts at least ``every_s`` after
    the last one began, and all of them together take no more than a fiftieth of the time.
    """

    def __init__(self, run_folder: Path, *, every_s: float = 60.0) -> None:
        self._folder, self._every_s = run_folder, every_s
        self._process: subprocess.Popen[str] | None = None
        self._began_s, self._not_before_s = 0.0, 0.0
        self.problem: str | None = None
        """What went wrong the last time, for whoever runs it to show; the run goes on."""

    def tick(self) -> None:
        """Start a refresh if it is time to."""
        now_s = time.monotonic()
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._not_before_s = self._began_s + max(self._every_s, 50 * self._took_s(self._process))
            self._process = None
        if now_s >= self._not_before_s:
            self._began_s = now_s
            command = [sys.executable, "-m", "perch.report", str(self._folder)]
            self._process = subprocess.Popen(
                command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )

    def close(self) -> None:
        """End a refresh that is under way."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None

    def _took_s(self, process: subprocess.Popen[str]) -> float:
        """How long a refresh took, as it says in its last line; a failure is kept in ``problem``."""
        said = process.communicate()[0].strip().splitlines()
        if process.returncode == 0:
            self.problem = None
            return float(said[-1])
        self.problem = f"refreshing the report failed: {said[-1] if said else process.returncode}"
        return 0.0
