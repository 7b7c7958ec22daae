"""The figure of the published study: error of the best trial above, its learning rate below, both over epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from perch.report.report_data import words
from perch.report.style import BLUE, GREY, INK, ORANGE, VERMILLION, canvas, plain_log, styled
from perch.schedule.fit import Fit
from perch.schedule.inherited import Inherited, error_columns, rates_of


def draw(lineage: Inherited, fit: Fit, curves: pd.DataFrame) -> Any:
    """Bold: what the best trial inherited. Grey: what it tried and what was reverted. Orange: the chosen fit."""
    figure, (above, below) = canvas(7.2, 5.0, nrows=2, sharex=True, height_ratios=[2, 1])
    own = curves[curves["trial_id"] == lineage.trial]
    kept = set(zip(lineage.rows["trial_id"], lineage.rows["segment"], lineage.rows["epoch"], strict=True))
    reverted = own[[key not in kept for key in zip(own["trial_id"], own["segment"], own["epoch"], strict=True)]]
    columns = error_columns(lineage.rows)
    for _, rows in reverted.groupby("segment"):
        if columns:
            above.plot(rows["epoch"], rows[columns[0]], color=GREY, lw=1, marker=".", ms=3)
        below.step(rows["epoch"], rates_of(rows, lineage.rate), where="mid", color=GREY, lw=1)
    for column, colour in zip(columns, (VERMILLION, BLUE), strict=False):
        above.plot(lineage.rows["epoch"], lineage.rows[column], color=colour, lw=2, label=words(column))
    below.step(lineage.rows["epoch"], lineage.rates, where="mid", color=INK, lw=2, label="lineage")
    steps = "default" if fit.kind == "cosine" else "steps-mid"
    below.plot(
        range(1, len(fit.values) + 1), fit.values, color=ORANGE, lw=1.8, ls="--", label=fit.kind, drawstyle=steps
    )
    if len(reverted):
        below.plot([], [], color=GREY, lw=1, label="tried, not kept")
    for axes in (above, below):
        axes.legend(fontsize=8)
    above.set(ylabel="error of the best trial", title=f"trial {lineage.trial} and its ancestors")
    below.set(xlabel="epoch", ylabel="learning rate", yscale="log")
    low, high = below.get_ylim()
    if high < 2 * low:  # a rate that never changed: rounding would fill the axis
        below.set_ylim(low / 2, high * 2)
    plain_log(below.yaxis, ticks=5)
    return figure


def write(lineage: Inherited, fit: Fit, curves: pd.DataFrame, folder: Path) -> list[Path]:
    """As PNG and SVG, with the lineage's rows as CSV."""
    with styled("schedule"):
        figure = draw(lineage, fit, curves)
        figure.savefig(folder / "schedule.png", facecolor="white")
        figure.savefig(folder / "schedule.svg", metadata={"Date": None})
    rows = lineage.rows.drop(columns=[c for c in ("config",) if c in lineage.rows])
    rows.to_csv(folder / "schedule.csv", index=False)
    return [folder / f"schedule.{form}" for form in ("png", "svg", "csv")]
