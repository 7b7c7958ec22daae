"""Drawing every figure once, and writing each in four forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from perch.errors import RecordError
from perch.report.figure import FIGURES, Figure, Missing
from perch.report.report_data import ReportData
from perch.report.style import file_svg, styled, svg_of

FORMS = ("png", "svg", "pdf", "csv")
LONG_TABLE = 100_000
"""Rows; only learning curves have as many."""


@dataclass(frozen=True)
class Drawn:
    """A figure that has been drawn; ``picture`` is matplotlib's, ``svg`` its vector form."""

    name: str
    figure: Figure[ReportData]
    table: pd.DataFrame
    description: str
    caption: str
    warning: str
    picture: Any
    svg: str


@dataclass(frozen=True)
class NotDrawn:
    """A figure that the run has left no data for, and why."""

    name: str
    figure: Figure[ReportData]
    reason: str


def draw_all(report: ReportData) -> list[Drawn | NotDrawn]:
    """Every registered figure in the order of the page."""
    return [draw(name, report) for name, _ in FIGURES.ordered()]


def draw(name: str, report: ReportData) -> Drawn | NotDrawn:
    """One figure."""
    figure = FIGURES.get(name)
    try:
        table = figure.table(report)
    except Missing as reason:
        return NotDrawn(name, figure, str(reason))
    with styled(name):
        picture = figure.draw(report, table)
        svg = svg_of(picture)
        picture.set_layout_engine(None)  # the layout is found: the other forms use it as it is, and are drawn once each
    warning = figure.warn(report, table) if figure.warn is not None else ""
    return Drawn(name, figure, table, figure.describe(report, table), figure.caption_of(report), warning, picture, svg)


def write_all(drawn: list[Drawn | NotDrawn], folder: Path) -> dict[str, list[Path]]:
    """Write PNG, SVG, PDF and the data as CSV; figure name → files. Raises RecordError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write_all(drawn, folder)
    except OSError as error:
        raise RecordError(
            f"cannot write into '{folder}'", why=str(error), fix="free some space, or give another folder with --out"
        ) from error


def _write_all(drawn: list[Drawn | NotDrawn], folder: Path) -> dict[str, list[Path]]:
    made: dict[str, list[Path]] = {}
    for one in drawn:
        if isinstance(one, NotDrawn):
            continue
        png, svg, pdf, csv = made[one.name] = [folder / f"{one.name}.{form}" for form in FORMS]
        with styled(one.name):
            one.picture.savefig(png, facecolor="white")
            one.picture.savefig(pdf, facecolor="white", metadata={"CreationDate": None})
        svg.write_text(file_svg(one.svg, one.description), encoding="utf-8")
        _write_csv(one.table, csv)
    return made


def _write_csv(table: pd.DataFrame, file: Path) -> None:
    """The data of a figure; long tables through Arrow, which is ten times as fast and knows fewer types."""
    if len(table) < LONG_TABLE:
        table.to_csv(file, index=False)
        return
    import pyarrow as pa
    from pyarrow import csv

    csv.write_csv(pa.Table.from_pandas(table, preserve_index=False), file)
