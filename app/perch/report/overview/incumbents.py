"""The best so far of several runs in one picture: a colour per strategy, and a line of its own per run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from perch.report.hover import packed, spots
from perch.report.report_data import ReportData
from perch.report.strategy_colours import strategy_colours
from perch.report.style import canvas, inline_svg, plain_log, styled, svg_of

NAMED = 12
"""Runs up to which each has a name in the legend; of more the legend names strategies."""

DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 1)))


def incumbents(reports: Sequence[ReportData]) -> dict[str, Any]:
    """The figure as the page takes it."""
    ordered = sorted(reports, key=lambda r: (r.summary["strategy"], r.summary["seed"], r.summary["run_id"]))
    colours = strategy_colours([r.summary["strategy"] for r in reports])
    named = len(reports) <= NAMED
    with styled("incumbents"):
        figure, axes = canvas()
        for strategy, runs in groupby(ordered, key=lambda r: r.summary["strategy"]):
            for number, report in enumerate(run for run in runs if not run.incumbents.empty):
                table = report.incumbents
                times = [*table["time_s"], float(report.curves["time_s"].max())]
                values = [*table["value"], table["value"].iloc[-1]]
                label = f"{strategy}: {report.summary['run_id']}" if named else strategy if number == 0 else None
                style = DASHES[number % len(DASHES)] if named else "-"
                axes.step(
                    times, values, where="post", color=colours[strategy], ls=style, lw=1.6, alpha=0.9, label=label
                )
        values = [v for m in reports for v in m.incumbents["value"]]
        if values and max(values) > 4 * min(values) > 0:
            axes.set_yscale("log")
            plain_log(axes.yaxis)
        axes.set(xlabel="consumed time (s)", ylabel=f"best {reports[0].metric_label}")
        if values:
            figure.legend(loc="outside lower left", ncols=3)
        svg = svg_of(figure)
        places = packed(spots(figure))
    ends = ", ".join(f"{m.summary['run_id']} {_number(m.best_value)}" for m in reports[:NAMED])
    description = (
        f"Best {reports[0].metric_label} so far against consumed time for {len(reports)} runs; at the end: {ends}."
    )
    how = "Colour: strategy; dashes tell its runs apart." if named else "One line per run, coloured by strategy."
    return {
        "name": "incumbents-of-runs", "title": "Best so far, run by run", "caption": how, "warning": "", "description": description,
        "spots": places,
        "svg": inline_svg(svg, "incumbents-of-runs", description), "files": [],
    }  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
