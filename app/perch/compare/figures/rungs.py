"""How many trials reached each level of epochs, and how many epochs were spent between levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.compare.figure import FIGURES, Scene
from perch.report.figure import Figure
from perch.report.style import canvas, plain_log


def levels(epochs: int, factor: int = 3) -> list[int]:
    """Levels 1, 3, 9, … and the last epoch."""
    out = [1]
    while out[-1] * factor < epochs:
        out.append(out[-1] * factor)
    return [*out, epochs] if epochs > out[-1] else out


def table(scene: Scene) -> pd.DataFrame:
    """The data of the figure."""
    last = {s: [c.groupby("trial_id")["epoch"].max() for c in curves] for s, curves in scene.comparison.curves.items()}
    steps = levels(max(int(e.max()) for runs in last.values() for e in runs if len(e)))
    rows = []
    for strategy, runs in last.items():
        for seed, reached, curves in zip(scene.comparison.seeds, runs, scene.comparison.curves[strategy], strict=True):
            for below, level in zip([0, *steps], steps, strict=False):
                spent = curves["epoch"].between(below + 1, level).sum()
                rows.append({"strategy": strategy, "seed": seed, "level": level, "trials": int((reached >= level).sum()),
                             "epochs": int(spent)})  # fmt: skip
    return pd.DataFrame(rows)


def draw(scene: Scene, table: pd.DataFrame) -> Any:
    """The picture."""
    figure, panels = canvas(8.4, 3.6, ncols=2)
    steps = sorted(table["level"].unique())
    width = 0.8 / len(scene.comparison.strategies)
    for column, axes in zip(("trials", "epochs"), panels, strict=True):
        for i, strategy in enumerate(scene.comparison.strategies):
            means = table[table["strategy"] == strategy].groupby("level")[column].mean().reindex(steps)
            axes.bar(np.arange(len(steps)) + i * width, means, width, color=scene.colour(strategy), label=strategy)
        axes.set_xticks(np.arange(len(steps)) + 0.4 - width / 2, [str(s) for s in steps])
        axes.grid(axis="x", visible=False)
    panels[0].set_yscale("log")
    plain_log(panels[0].yaxis)
    panels[0].set(xlabel="epochs reached", ylabel="trials per run (mean)")
    panels[1].set(xlabel="up to this epoch, from the level before", ylabel="epochs trained per run (mean)")
    panels[0].legend()
    return figure


def describe(scene: Scene, table: pd.DataFrame) -> str:
    """The alternative text."""
    means = table.groupby(["strategy", "level"], sort=False)["trials"].mean()
    steps = sorted(table["level"].unique())
    parts = [
        f"{s}: {means[s, steps[0]]:.0f} trials, {means[s, steps[-1]]:.0f} to epoch {steps[-1]}"
        for s in scene.comparison.strategies
    ]
    return "Trials that reached each level of epochs, and epochs spent below it, per run. " + "; ".join(parts) + "."


FIGURES.register(
    "rungs",
    Figure(
        "Trials and epochs per level", 60, "Mean over seeds. Left: trials that reached a level; right: epochs spent.",
        table, draw, describe,
    ),
)  # fmt: skip
