"""The figure of the published study (NERSC, 2020), reproduced: test error of the six best trials so far, over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.compare.figure import FIGURES, Scene
from perch.report.figure import Figure
from perch.report.style import canvas
from perch.vocabulary import TEST_MAE_EV

BEST = 6
POINTS = 150


def six_best(curves: pd.DataFrame, metric: str, sign: float, times: Any) -> tuple[Any, Any]:
    """Mean and standard deviation of the test error of the six best trials (by validation) at each time.

    NaN before six trials have reported. A trial counts with its best epoch so far.
    """
    trial_ids, values = curves["trial_id"].to_numpy(), sign * curves[metric].to_numpy(float)
    tests, at_s = curves[TEST_MAE_EV].to_numpy(float), curves["time_s"].to_numpy(float)
    best: dict[str, tuple[float, float]] = {}
    mean, deviation = np.full(len(times), np.nan), np.full(len(times), np.nan)
    row = 0
    for i, time_s in enumerate(times):
        while row < len(at_s) and at_s[row] <= time_s:
            name = trial_ids[row]
            if np.isfinite(values[row]) and (name not in best or values[row] < best[name][0]):
                best[name] = (values[row], tests[row])
            row += 1
        if len(best) >= BEST:
            chosen = [test for _, test in sorted(best.values())[:BEST]]
            mean[i], deviation[i] = np.mean(chosen), np.std(chosen, ddof=1)
    return mean, deviation


def table(scene: Scene) -> pd.DataFrame:
    """The data of the figure."""
    comparison = scene.comparison
    times = np.linspace(comparison.budget_s / POINTS, comparison.budget_s, POINTS)
    parts = []
    for strategy in comparison.strategies:
        curves = [c for c in comparison.curves[strategy] if TEST_MAE_EV in c]
        found = [six_best(c, comparison.metric, comparison.sign, times) for c in curves]
        if not found:
            continue
        means, deviations = np.stack([m for m, _ in found]), np.stack([d for _, d in found])
        known = np.isfinite(means).all(axis=0)
        parts.append(
            pd.DataFrame(
                {"strategy": strategy, "time_s": times[known], "six_best_mean": means[:, known].mean(axis=0),
                 "six_best_deviation": deviations[:, known].mean(axis=0), "finished_trials": _finished(scene, strategy)}
            )
        )  # fmt: skip
    columns = ["strategy", "time_s", "six_best_mean", "six_best_deviation", "finished_trials"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _finished(scene: Scene, strategy: str) -> float:
    """Finished trials per run, mean over seeds: stopped ones are finished too, as in the source."""
    runs, curves = scene.comparison.runs[strategy], scene.comparison.curves[strategy]
    counts = []
    for run, kept in zip(runs, curves, strict=True):
        ended = run.trials[run.trials["status"].isin(["completed", "stopped", "diverged"])]
        counts.append(ended["trial_id"].isin(kept["trial_id"].unique()).sum())
    return float(np.mean(counts))


def draw(scene: Scene, table: pd.DataFrame) -> Any:
    """The picture."""
    figure, axes = canvas()
    corner = []
    for strategy, rows in table.groupby("strategy", sort=False):
        name, colour = str(strategy), scene.colour(str(strategy))
        mean, deviation = rows["six_best_mean"], rows["six_best_deviation"]
        axes.plot(rows["time_s"], mean, color=colour, lw=2, label=name, marker=scene.marker(name), markevery=20, ms=5)
        axes.fill_between(rows["time_s"], mean - deviation, mean + deviation, color=colour, alpha=0.18)
        corner.append(f"{name}: {rows['finished_trials'].iloc[0]:.0f} trials")
    axes.text(0.985, 0.98, "\n".join(corner), transform=axes.transAxes, ha="right", va="top", fontsize=9)
    axes.set(xlabel="wall-clock time (s)", ylabel="mean test MAE of the six best (eV)")
    axes.legend(loc="upper center")
    return figure


def describe(scene: Scene, table: pd.DataFrame) -> str:
    """The alternative text."""
    last = table.groupby("strategy", sort=False).last()
    parts = [
        f"{s} {r['six_best_mean']:.4f} eV after {r['finished_trials']:.0f} finished trials" for s, r in last.iterrows()
    ]
    return (
        "Mean test MAE of the six best trials so far, with their standard deviation. At the end: "
        + "; ".join(parts)
        + "."
    )


FIGURES.register(
    "six_best",
    Figure(
        "Reproduction of the published figure", 70,
        "Mean test error of the six trials that are best by validation error so far, band: their standard deviation; "
        "in the corner the number of finished trials. Mean over seeds; the published figure shows one run of each.",
        table, draw, describe,
    ),
)  # fmt: skip
