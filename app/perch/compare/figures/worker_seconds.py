"""Where worker seconds went, as shares of all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.compare.figure import FIGURES, Scene
from perch.report.figure import Figure
from perch.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, canvas
from perch.vocabulary import ACTIVITIES

COLOURS = dict(zip(ACTIVITIES, (BLUE, SKY, ORANGE, PURPLE, VERMILLION, GREEN, GREY), strict=True))
HATCHES = dict(zip(ACTIVITIES, ("", "//", "..", "xx", "++", "\\\\", ""), strict=True))


def seconds(overheads: pd.DataFrame) -> dict[str, float]:
    """Worker seconds by activity."""
    found = overheads.groupby("activity")["seconds"].sum()
    return {a: float(found.get(a, 0.0)) for a in ACTIVITIES}


def table(scene: Scene) -> pd.DataFrame:
    """The data of the figure."""
    rows = []
    for strategy in scene.comparison.strategies:
        for seed, run in zip(scene.comparison.seeds, scene.comparison.runs[strategy], strict=True):
            rows.append({"strategy": strategy, "seed": seed, **seconds(run.overheads)})
    found = pd.DataFrame(rows)
    return found[found[list(ACTIVITIES)].sum(axis=1) > 0]


def draw(scene: Scene, table: pd.DataFrame) -> Any:
    """The picture."""
    totals = table.groupby("strategy", sort=False)[list(ACTIVITIES)].sum()
    shares = totals.div(totals.sum(axis=1), axis=0) * 100
    figure, axes = canvas(height=1.6 + 0.55 * len(shares))
    left = np.zeros(len(shares))
    for activity in ACTIVITIES:
        axes.barh(shares.index, shares[activity], left=left, label=activity, color=COLOURS[activity],
                  hatch=HATCHES[activity], edgecolor="white", lw=0.5)  # fmt: skip
        left += shares[activity].to_numpy()
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set(xlabel="share of worker seconds (%)", xlim=(0, 100))
    figure.legend(ncols=6, loc="outside lower center", columnspacing=1.0)  # of the figure: the axes end where names do
    return figure


def describe(scene: Scene, table: pd.DataFrame) -> str:
    """The alternative text."""
    totals = table.groupby("strategy", sort=False)[list(ACTIVITIES)].sum()
    parts = [
        f"{s}: {row['training'] / row.sum():.0%} training, {row['idle'] / row.sum():.0%} idle"
        for s, row in totals.iterrows()
    ]
    return "Shares of worker seconds by activity. " + "; ".join(parts) + "."


FIGURES.register(
    "worker_seconds",
    Figure(
        "Where worker seconds went", 50, "All workers, all seeds together.", table, draw, describe,
    ),
)  # fmt: skip
