"""Which hyperparameters matter, at the first and at the last level of epochs that enough trials reached."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perch.dimension import Choice
from perch.report.figure import FIGURES, Figure, Missing
from perch.report.importance import FEWEST, importances
from perch.report.report_data import ReportData, rows
from perch.report.style import BLUE, GREY, INK, canvas
from perch.space import Space

EVERYONE = 0.9
"""Share of the trials that must have reached an epoch for it to show the space, and not the survivors."""

RANDOM = ("random", "design")
"""Who draws configurations without looking at results."""


def _table(report: ReportData) -> pd.DataFrame:
    space = report.study.search_space
    if report.trials.empty or not space.dimensions:
        raise Missing(f"there is nothing to compare{report.yet}")
    if report.exploits:
        raise Missing("a population changes configurations while they train, so no value belongs to one of them")
    levels = _levels(report)
    if not levels:
        raise Missing(f"it needs {FEWEST} trials that reported the same epoch{report.yet}")
    found = []
    for epoch, trials in levels:
        values = _at(report, epoch).reindex(trials["trial_id"]).to_numpy(dtype=float)
        shares = importances(space, [_plain(space, c) for c in trials["config"]], list(report.sign * values))
        at = {"epoch": epoch, "trials": len(trials)}
        found += [at | {"hyperparameter": s.key, "share": s.share, "low": s.low, "high": s.high} for s in shares]
    return pd.DataFrame(found)


def _levels(report: ReportData) -> list[tuple[int, pd.DataFrame]]:
    """The last epoch that nearly all trials reached, and the last that enough did, each with the trials."""
    space = report.study.search_space
    trials = report.trials
    known = trials["config"].map(lambda c: all(c.get(k) is not None for k in space.dimensions))
    trials = trials[known]
    if _by_chance(report).sum() >= FEWEST:
        trials = trials[_by_chance(report).reindex(trials.index)]
    reached = trials["trial_id"].map(report.curves.dropna(subset=[report.metric]).groupby("trial_id")["epoch"].max())
    counts = [int((reached >= e).sum()) for e in range(1, report.epochs + 1)]
    everyone = [e for e, n in enumerate(counts, 1) if n >= max(EVERYONE * counts[0], FEWEST)]
    enough = [e for e, n in enumerate(counts, 1) if n >= FEWEST]
    return [(e, trials[(reached >= e).to_numpy()]) for e in dict.fromkeys([*everyone[-1:], *enough[-1:]])]


def _by_chance(report: ReportData) -> pd.Series[bool]:
    """Which trials were drawn at random; of a record that does not say who suggested them: all."""
    if "by" not in report.trials:
        return pd.Series(True, index=report.trials.index)
    return report.trials["by"].isin(RANDOM)


def _at(report: ReportData, epoch: int) -> pd.Series[Any]:
    curves = report.curves[report.curves["epoch"] == epoch].drop_duplicates("trial_id")
    return curves.set_index("trial_id")[report.metric]


def _plain(space: Space, config: dict[str, Any]) -> dict[str, Any]:
    """The searched values; those of a choice as the space has them, whatever a table made of their types."""
    out = {}
    for key, dimension in space.dimensions.items():
        same = [v for v in dimension.values if v == config[key]] if isinstance(dimension, Choice) else []
        out[key] = same[0] if same else config[key]
    return out


def _draw(report: ReportData, table: pd.DataFrame) -> Any:
    levels = list(table.groupby("epoch", sort=True))
    names = list(levels[0][1]["hyperparameter"])
    figure, grid = canvas(7.6, 1.0 + 0.34 * len(names), ncols=len(levels), sharey=True, squeeze=False)
    y = np.arange(len(names))
    for axes, (epoch, part), colour in zip(grid[0], levels, (BLUE, GREY), strict=False):
        shown = part.set_index("hyperparameter").loc[names]
        axes.barh(y, 100 * shown["share"], color=colour, height=0.6)
        axes.hlines(y, 100 * shown["low"], 100 * shown["high"], color=INK, lw=1.4)
        axes.set(xlabel="share (%)", title=f"at epoch {epoch}, {shown['trials'].iloc[0]:,} trials", xlim=(0, 100))
        axes.grid(axis="y", visible=False)
    grid[0, 0].set_yticks(y, names)
    grid[0, 0].invert_yaxis()
    return figure


def _describe(report: ReportData, table: pd.DataFrame) -> str:
    parts = []
    for epoch, part in table.groupby("epoch", sort=True):
        shares = ", ".join(
            f"{r['hyperparameter']} {r['share']:.0%} [{r['low']:.0%}, {r['high']:.0%}]" for r in rows(part)
        )
        parts.append(f"at epoch {epoch}, {part['trials'].iloc[0]:,} trials: {shares}")
    return f"Importance with 95 % intervals {'; '.join(parts)}."


def _warn(report: ReportData, table: pd.DataFrame) -> str:
    said = []
    if _by_chance(report).sum() < FEWEST:
        said.append(
            f"Fewer than {FEWEST} configurations were drawn at random, so all are used: a searcher crowds its trials where it "
            "hopes for the best, and that changes the shares."
        )
    counts = table.groupby("epoch")["trials"].first()
    if counts.iloc[-1] < EVERYONE * len(report.trials):
        said.append(
            f"Only {counts.iloc[-1]:,} trials reached epoch {counts.index[-1]}, those that were not stopped: there the "
            "shares are those among survivors."
        )
    return " ".join(said)


FIGURES.register(
    "importance",
    Figure(
        "Which hyperparameters matter",
        42,
        "PED-ANOVA (Watanabe and others 2023): how much each hyperparameter tells the best quarter of the trials from the rest "
        "at one epoch. Thin lines: 95 % intervals over the trials. A share is of what single hyperparameters explain; "
        "what two do together is not in it.",
        _table,
        _draw,
        _describe,
        _warn,
    ),
)
