"""The incumbent of each strategy over time: interquartile mean over seeds, and the interquartile range as a band."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.compare.figure import FIGURES, Scene
from perch.report.figure import Figure
from perch.report.report_data import words
from perch.report.style import canvas, log_if_wide, plain_log

POINTS = 200


def interquartile_mean(values: Any) -> Any:
    """Mean of the middle half of the values along the first axis; values at the edge of it count in part.

    Agarwal et al., Deep RL at the edge of the statistical precipice (2021), https://arxiv.org/abs/2108.13264
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=0)
    n = len(ordered)
    weights = np.clip(np.minimum(np.arange(n) + 1, 0.75 * n) - np.maximum(np.arange(n), 0.25 * n), 0, None)
    return np.tensordot(weights / weights.sum(), ordered, axes=1)


def table(scene: Scene) -> pd.DataFrame:
    """The data of the figure."""
    comparison = scene.comparison
    first = min(run.time_s[0] for runs in comparison.incumbents.values() for run in runs if len(run.time_s))
    times = np.geomspace(max(first, comparison.budget_s / 1000), comparison.budget_s, POINTS)
    rows = []
    for strategy in comparison.strategies:
        values = np.stack([run.at(times) for run in comparison.incumbents[strategy]])
        known = np.isfinite(values).all(axis=0)  # from where every seed has an incumbent
        middle, seen = interquartile_mean(values[:, known]), comparison.sign * values[:, known]
        rows.append(
            pd.DataFrame(
                {"strategy": strategy, "time_s": times[known], "interquartile_mean": comparison.sign * middle,
                 "low_quartile": np.quantile(seen, 0.25, axis=0), "high_quartile": np.quantile(seen, 0.75, axis=0)}
            )
        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def draw(scene: Scene, table: pd.DataFrame) -> Any:
    """The picture."""
    figure, axes = canvas()
    for strategy, rows in table.groupby("strategy", sort=False):
        name = str(strategy)
        axes.plot(rows["time_s"], rows["interquartile_mean"], color=scene.colour(name), lw=2, label=name,
                  marker=scene.marker(name), markevery=25, ms=5)  # fmt: skip
        axes.fill_between(
            rows["time_s"], rows["low_quartile"], rows["high_quartile"], color=scene.colour(name), alpha=0.18
        )
    for target in {c.target for c in scene.analysis.contrasts}:
        axes.axhline(scene.comparison.sign * target.value, color="#8b929b", lw=0.8, ls=":")
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    log_if_wide(axes, table["low_quartile"].min(), table["high_quartile"].max())
    axes.set(xlabel="consumed time (s)", ylabel=f"incumbent's {words(scene.comparison.metric)}")
    axes.legend()
    return figure


def describe(scene: Scene, table: pd.DataFrame) -> str:
    """The alternative text."""
    last = table.groupby("strategy", sort=False)["interquartile_mean"].last()
    ends = ", ".join(f"{s} {v:.4g}" for s, v in last.items())
    return f"Incumbent over consumed time on a logarithmic axis, one line per strategy. At the end: {ends}."


FIGURES.register(
    "incumbents",
    Figure(
        "Incumbents over time", 10,
        "Lowest validation error so far. Line: interquartile mean over seeds; band: interquartile range; dotted: targets.",
        table, draw, describe,
    ),
)  # fmt: skip
