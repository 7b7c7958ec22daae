"""Speed-up against the target: the answer to 'how many times faster' is a curve, not a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.compare.figure import FIGURES, Scene
from perch.report.figure import Figure
from perch.report.report_data import words
from perch.report.style import INK, canvas


def table(scene: Scene) -> pd.DataFrame:
    """The data of the figure."""
    return pd.DataFrame(
        [
            {"strategy": strategy, "target": scene.comparison.sign * target.value, "share_of_budget": target.share,
             "speed_up": found.value, "low": found.low, "high": found.high, "estimator": found.estimator}
            for strategy, target, found in scene.analysis.curve
            if found.low is not None or found.high is not None or found.value is not None
        ],
        columns=["strategy", "target", "share_of_budget", "speed_up", "low", "high", "estimator"],
    ).astype({"speed_up": float, "low": float, "high": float})  # fmt: skip


def draw(scene: Scene, table: pd.DataFrame) -> Any:
    """The picture."""
    figure, axes = canvas()
    for strategy, rows in table.groupby("strategy", sort=False):
        name, colour = str(strategy), scene.colour(str(strategy))
        known = rows[rows["speed_up"].notna()]
        axes.plot(known["target"], known["speed_up"], color=colour, marker=scene.marker(name), ms=5, lw=2, label=name)
        band = known.dropna(subset=["low", "high"])
        axes.fill_between(band["target"], band["low"], band["high"], color=colour, alpha=0.18)
        least = rows[rows["speed_up"].isna() & rows["low"].notna()]
        most = rows[rows["speed_up"].isna() & rows["high"].notna()]
        axes.plot(least["target"], least["low"], "^", color=colour, mfc="none", ms=8)
        axes.plot(most["target"], most["high"], "v", color=colour, mfc="none", ms=8)
    axes.axhline(1, color=INK, lw=1)
    axes.set_yscale("log")
    # Far intervals of easy targets, where a few epochs decide, must not flatten the rest.
    values = table[["speed_up", "low", "high"]].to_numpy(dtype=float)
    axes.set_ylim(
        max(min(float(np.nanmin(values)), 1.0), 0.1) / 1.2, min(max(float(np.nanmax(values)), 1.0), 100.0) * 1.2
    )
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if axes.get_ylim()[0] <= t <= axes.get_ylim()[1]]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    if scene.comparison.sign > 0:
        axes.invert_xaxis()
    axes.set(xlabel=f"target: {words(scene.comparison.metric)}, harder to the right",
             ylabel=f"times faster than {scene.comparison.reference}")  # fmt: skip
    axes.legend()
    return figure


def describe(scene: Scene, table: pd.DataFrame) -> str:
    """The alternative text."""
    parts = []
    for strategy, rows in table.groupby("strategy", sort=False):
        known = rows["speed_up"].dropna()
        if len(known):
            parts.append(f"{strategy} from {known.min():.2f} to {known.max():.2f} times")
    return (
        f"Speed-up over {scene.comparison.reference} against the target: " + ("; ".join(parts) or "bounds only") + "."
    )


FIGURES.register(
    "speed_up",
    Figure(
        "Speed-up against the target", 30,
        "Time of the reference over time of the strategy; targets are the reference's median incumbents at 1/16 to all of "
        "the budget. Band: 95 % interval, pointwise; open triangles: bounds, where more than half of the runs missed the target.",
        table, draw, describe,
    ),
)  # fmt: skip
