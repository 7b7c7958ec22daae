"""Reports of several runs, or of a comparison: a page for each, and one above them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perch.errors import RecordError
from perch.report.overview import comparison as compared
from perch.report.overview.incumbents import incumbents
from perch.report.page import asset, environment
from perch.report.report_data import ReportData
from perch.report.write import PAGE, load, replace_file, write
from perch.vocabulary import TEST_MAE_EV


def write_reports(folders: Sequence[Path], out: Path | None = None, *, files: bool = True) -> list[Path]:
    """Write the report of every folder; several runs, and each comparison, get a page above theirs.

    ``files`` False: pages alone, no figures as files. Returns the pages, the one to open first. Raises RecordError for a folder that holds neither run nor comparison.
    """
    for folder in folders:
        if not folder.is_dir():
            raise RecordError(f"no run at '{folder}'", why="there is no such folder", fix="give the folder of a run")
    comparisons = [f for f in folders if (f / compared.COMPARISON).is_file()]
    runs = [f for f in folders if f not in comparisons]
    pages: list[Path] = []
    for folder in comparisons:
        inside = _inside(folder)
        pages += _overview(inside, _place(folder, out, alone=len(folders) == 1), comparison=folder, files=files)
    if len(runs) == 1:
        pages.append(write(runs[0], _place(runs[0], out, alone=len(folders) == 1), files=files))
    elif runs:
        above = out or Path(os.path.commonpath([f.absolute().parent for f in runs]))
        pages += _overview(runs, above, inside=out, files=files)
    return pages


def _place(folder: Path, out: Path | None, *, alone: bool) -> Path:
    """Where a page goes: next to its data, or into ``out`` (a folder of its own there, unless it is the only one)."""
    return folder if out is None else out if alone else out / folder.name


def refresh_comparison(folder: Path, planned: int) -> Path:
    """Write the page of a comparison that goes on: the runs that have ended, and what can be said of them by now.

    Returns the comparison's page.
    """
    runs = [f for f in _inside(folder) if (f / "summary.json").is_file()]
    going_on = f"The comparison goes on: {len(runs)} of {planned} runs have ended."
    return _page(
        runs, [_fresh(run) for run in runs], folder, folder, [("plain", going_on)] if len(runs) < planned else []
    )


def comparison_page(folder: Path, runs: Sequence[Path] = ()) -> Path:
    """Write the page of a comparison that was judged in ``folder``, and return it.

    ``runs``: the runs that were judged where they lie elsewhere; nothing is written into those, and those that have a page are linked.
    """
    if runs:
        pages = [run / PAGE if (run / PAGE).is_file() else None for run in runs]
        return _page(runs, pages, folder, folder, [])
    inside = _inside(folder)
    return _page(inside, [_fresh(run) for run in inside], folder, folder, [])


def _inside(folder: Path) -> list[Path]:
    """The runs in a comparison's folder."""
    return sorted(f for f in (folder / "runs").glob("*") if (f / "study.yaml").is_file())


def _fresh(run: Path) -> Path:
    """The page of a run, written where it is missing or older than the run's tables."""
    page, tables = run / PAGE, run / "curves.parquet"
    if not page.is_file() or not tables.is_file() or page.stat().st_mtime < tables.stat().st_mtime:
        return write(run, files=False)
    return page


def _overview(
    runs: Sequence[Path], above: Path, *, comparison: Path | None = None, inside: Path | None = None, files: bool
) -> list[Path]:
    pages = [write(run, None if inside is None else inside / run.name, files=files) for run in runs]
    return [_page(runs, pages, above, comparison, []), *pages]


def _page(
    runs: Sequence[Path], pages: Sequence[Path | None], above: Path, comparison: Path | None, state: list[tuple[str, str]]
) -> Path:  # fmt: skip
    """The page above those of the runs."""
    reports = [load(run) for run in runs]
    shown = [incumbents(reports)] if reports else []
    tables: list[dict[str, Any]] = []
    if comparison is None:
        title, sentences = f"{len(runs)} runs", _differences(reports)
    else:
        found = compared.content(comparison)
        title, sentences, tables = comparison.resolve().name, compared.sentences(found), compared.tables(found)
        shown += compared.figures(comparison)
    links = [None if page is None else os.path.relpath(page, above) for page in pages]
    template = environment().get_template("overview.html")
    page = template.render(
        title=title,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        style=asset("page.css"),
        script=asset("theme.js") + asset("hover.js"),
        sentences=[*state, *sentences],
        tables=tables,
        columns=["run", "strategy", "seed", "trials", "consumed time", "best value", "test MAE (eV)", "ridge (eV)"],
        runs=[
            {"id": m.summary["run_id"], "link": link, "cells": _cells(m)}
            for m, link in zip(reports, links, strict=True)
        ],
        figures=shown,
    )
    return replace_file(above / PAGE, page)


def _cells(report: ReportData) -> list[str]:
    from perch.formatting import duration

    summary, best = report.summary, report.winner or report.best
    time_s = float(report.curves["time_s"].max()) if len(report.curves) else None
    ridge = report.baselines.get("ridge_composition")
    return [
        summary["strategy"],
        str(summary["seed"]),
        f"{len(report.trials):,}",
        duration(time_s),
        _number(best.get("value")),
        _number(best.get(TEST_MAE_EV)),
        _number(ridge),
    ]


def _number(value: Any) -> str:
    return "–" if value is None else f"{float(value):.4g}"


def _differences(reports: Sequence[ReportData]) -> list[tuple[str, str]]:
    """What keeps runs from being compared: said, not refused, since a page only shows them side by side."""
    keys = ("metric", "mode", "data", "space", "epochs")
    return [
        ("warning", f"These runs differ in '{key}': their values do not compare directly.")
        for key in keys
        if any(getattr(m.study, key) != getattr(reports[0].study, key) for m in reports)
    ]
