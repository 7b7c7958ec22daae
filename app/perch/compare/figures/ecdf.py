"""Share of runs that have reached each target by a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.compare.figure import FIGURES, Scene
from perch.report.figure import Figure
from perch.report.style import canvas, plain_log


def table(scene: Scene) -> pd.DataFrame:
    """The data of the figure."""
    rows = []
    for times in scene.analysis.times:
        hits = sorted(t for t in times.hit_s if t is not None)
        rows += [
            {"target": times.target.value, "label": times.target.label, "strategy": times.strategy, "time_s": t,
             "share": (i + 1) / len(times.hit_s)}
            for i, t in enumerate(hits)
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=["target", "label", "strategy", "time_s", "share"])


def draw(scene: Scene, table: pd.DataFrame) -> Any:
    """The picture."""
    labels = list(dict.fromkeys(t.target.label for t in scene.analysis.times))
    figure, panels = canvas(3.0 * len(labels) + 0.6, 3.4, ncols=len(labels), sharey=True, squeeze=False)
    start = float(table["time_s"].min()) / 1.5
    for axes, label in zip(panels[0], labels, strict=True):
        for strategy in scene.comparison.strategies:
            rows = table[(table["label"] == label) & (table["strategy"] == strategy)]
            x = np.concatenate([[start], rows["time_s"], [scene.comparison.budget_s]])
            y = np.concatenate([[0.0], rows["share"], [rows["share"].max() if len(rows) else 0.0]])
            axes.step(x, y, where="post", color=scene.colour(strategy), lw=2, label=strategy)
            axes.plot(rows["time_s"], rows["share"], scene.marker(strategy), color=scene.colour(strategy), ms=4)
        axes.set_xscale("log")
        plain_log(axes.xaxis)
        axes.set(xlabel="consumed time (s)", title=f"target {label}", ylim=(-0.03, 1.03))
    panels[0][0].set_ylabel("share of runs that reached it")
    panels[0][0].legend()
    return figure


def describe(scene: Scene, table: pd.DataFrame) -> str:
    """The alternative text."""
    parts = []
    for times in scene.analysis.times:
        reached = sum(t is not None for t in times.hit_s)
        parts.append(f"{times.strategy} reached {times.target.label} in {reached} of {len(times.hit_s)} runs")
    return "Empirical distribution of times-to-solution, one panel per target: " + "; ".join(parts) + "."


FIGURES.register(
    "ecdf",
    Figure(
        "Times-to-solution", 20,
        "Share of runs whose incumbent has reached the target. All runs end at the budget, so a curve need not reach 1.",
        table, draw, describe,
    ),
)  # fmt: skip
