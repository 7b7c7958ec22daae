"""The best by validation error against its test error: choosing the lowest of many flatters it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from perch.compare.figure import FIGURES, Scene
from perch.report.figure import Figure
from perch.report.style import INK, canvas
from perch.vocabulary import TEST_MAE_EV, VALIDATION_MAE_EV


def table(scene: Scene) -> pd.DataFrame:
    """The data of the figure."""
    rows = [
        {"strategy": strategy, "seed": seed, VALIDATION_MAE_EV: run.value[-1], TEST_MAE_EV: run.test[-1]}
        for strategy in scene.comparison.strategies
        for seed, run in zip(scene.comparison.seeds, scene.comparison.incumbents[strategy], strict=True)
        if scene.comparison.metric == VALIDATION_MAE_EV and len(run.value)
    ]
    return pd.DataFrame(rows, columns=["strategy", "seed", VALIDATION_MAE_EV, TEST_MAE_EV]).dropna()


def draw(scene: Scene, table: pd.DataFrame) -> Any:
    """The picture."""
    figure, axes = canvas(4.6, 4.2)
    for strategy, rows in table.groupby("strategy", sort=False):
        name = str(strategy)
        axes.plot(
            rows[VALIDATION_MAE_EV],
            rows[TEST_MAE_EV],
            scene.marker(name),
            color=scene.colour(name),
            mfc="none",
            mew=1.5,
            label=name,
        )
    values = table[[VALIDATION_MAE_EV, TEST_MAE_EV]]
    ends = [float(values.min().min()) * 0.97, float(values.max().max()) * 1.03]
    axes.plot(ends, ends, color=INK, lw=1, label="test = validation")
    axes.set(xlabel="validation MAE of the best (eV)", ylabel="its test MAE (eV)", xlim=ends, ylim=ends, aspect="equal")
    axes.legend()
    return figure


def describe(scene: Scene, table: pd.DataFrame) -> str:
    """The alternative text."""
    gap = (table[TEST_MAE_EV] - table[VALIDATION_MAE_EV]).groupby(table["strategy"], sort=False).mean()
    parts = ", ".join(f"{s} {v:+.4f} eV" for s, v in gap.items())
    return f"Test against validation MAE of each run's best. Test minus validation, mean over seeds: {parts}."


FIGURES.register(
    "selection_bias",
    Figure(
        "Selection bias", 40,
        "Each point is a run's best trial by validation error. Above the line, choosing has flattered it.",
        table, draw, describe,
    ),
)  # fmt: skip
