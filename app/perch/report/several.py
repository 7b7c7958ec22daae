"""Reports of several runs, or of a comparison: a page for each, and one above them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from perch.errors import RecordError
from perch.report.page import asset, environment
from perch.report.report_data import ReportData, words
from perch.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    canvas,
    inline_svg,
    plain_log,
    styled,
    svg_of,
)
from perch.report.write import PAGE, load, replace_file, write
from perch.vocabulary import TEST_MAE_EV

COMPARISON = "comparison.json"
COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY)


def write_reports(folders: Sequence[Path], out: Path | None = None, *, files: bool = True) -> list[Path]:
    """Write the report of every folder; several runs, and each comparison, get a page above theirs.

    ``files`` False: pages alone, no figures as files. Returns the pages, the one to open first. Raises RecordError for a folder that holds neither run nor comparison.
    """
    for folder in folders:
        if not folder.is_dir():
            raise RecordError(f"no run at '{folder}'", why="there is no such folder", fix="give the folder of a run")
    comparisons = [f for f in folders if (f / COMPARISON).is_file()]
    runs = [f for f in folders if f not in comparisons]
    pages: list[Path] = []
    for folder in comparisons:
        inside = sorted(f for f in (folder / "runs").glob("*") if (f / "study.yaml").is_file())
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


def _overview(
    runs: Sequence[Path], above: Path, *, comparison: Path | None = None, inside: Path | None = None, files: bool
) -> list[Path]:
    pages = [write(run, None if inside is None else inside / run.name, files=files) for run in runs]
    reports = [load(run) for run in runs]
    figures = ([_incumbents(reports)] if reports else []) + (_comparison_figures(comparison) if comparison else [])
    if comparison is None:
        title = f"{len(runs)} runs"
        sentences = _differences(reports)
    else:
        title = comparison.name
        sentences = _comparison_sentences(comparison)
    links = [os.path.relpath(page, above) for page in pages]
    page = (
        environment()
        .get_template("overview.html")
        .render(
            title=title,
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            style=asset("page.css"),
            script=asset("theme.js"),
            sentences=sentences,
            columns=["run", "strategy", "seed", "trials", "consumed time", "best value", "test MAE (eV)", "ridge (eV)"],
            runs=[
                {"id": m.summary["run_id"], "link": link, "cells": _cells(m)}
                for m, link in zip(reports, links, strict=True)
            ],
            figures=figures,
        )
    )
    return [replace_file(above / PAGE, page), *pages]


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


def _incumbents(reports: Sequence[ReportData]) -> dict[str, Any]:
    strategies = list(dict.fromkeys(m.summary["strategy"] for m in reports))
    with styled("incumbents"):
        figure, axes = canvas()
        shown: set[str] = set()
        for report in reports:
            strategy = report.summary["strategy"]
            table = report.incumbents
            if table.empty:
                continue
            end_s = float(report.curves["time_s"].max())
            colour = COLOURS[strategies.index(strategy) % len(COLOURS)]
            label = None if strategy in shown else strategy
            times, values = [*table["time_s"], end_s], [*table["value"], table["value"].iloc[-1]]
            axes.step(times, values, where="post", color=colour, lw=1.4, alpha=0.85, label=label)
            shown.add(strategy)
        values = [v for m in reports for v in m.incumbents["value"]]
        if values and max(values) > 4 * min(values) > 0:
            axes.set_yscale("log")
            plain_log(axes.yaxis)
        axes.set(xlabel="consumed time (s)", ylabel=f"best {reports[0].metric_label}")
        if shown:
            figure.legend(loc="outside lower left", ncols=4)
        svg = svg_of(figure)
    ends = ", ".join(f"{m.summary['run_id']} {_number(m.best_value)}" for m in reports[:12])
    description = (
        f"Best {reports[0].metric_label} so far against consumed time for {len(reports)} runs; at the end: {ends}."
    )
    return {
        "name": "incumbents-of-runs",
        "title": "Best so far, run by run",
        "caption": "One line per run, coloured by strategy.",
        "description": description,
        "svg": inline_svg(svg, "incumbents-of-runs", description),
        "files": [],
    }


def _comparison_figures(folder: Path) -> list[dict[str, Any]]:
    """The figures that the comparison has written, with their descriptions."""
    found: list[dict[str, Any]] = []
    for kind in ("figures", "figures-without-collapsed"):
        for file in sorted((folder / kind).glob("*.svg")):
            text = file.with_suffix(".txt")
            description = text.read_text(encoding="utf-8").strip() if text.is_file() else file.stem
            svg = file.read_text(encoding="utf-8")
            name = f"{kind}-{file.stem}".replace("_", "-")
            title = words(file.stem) + (" (without collapsed trials)" if kind != "figures" else "")
            others = (file.with_suffix(f".{form}") for form in ("png", "svg", "pdf", "csv"))
            found.append(
                {
                    "name": name,
                    "title": title[:1].upper() + title[1:],
                    "caption": "",
                    "description": description,
                    "svg": inline_svg(svg[svg.index("<svg") :], name, description),
                    "files": [f"{kind}/{o.name}" for o in others if o.is_file()],
                }
            )
    return found


def _comparison_sentences(folder: Path) -> list[tuple[str, str]]:
    """What the comparison concluded, in its own words."""
    content = json.loads((folder / COMPARISON).read_text(encoding="utf-8"))
    out = [("warning", str(note)) for note in content.get("notes") or []]
    for contrast in _contrasts(content):
        sentence = (contrast.get("verdict") or {}).get("sentence")
        if sentence:
            out.append(("plain", str(sentence)))
    return out


def _contrasts(content: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return (content.get("all_trials") or {}).get("contrasts") or []
