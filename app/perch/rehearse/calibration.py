"""Rehearsed against real: the same decisions on a recorded order of results, and free-running counts and values side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from perch.compare.statistics.incumbent import incumbent_of
from perch.record import Run, load
from perch.rehearse.answers import SHARES, Mean, mean_of
from perch.rehearse.run import Rehearsed
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.strategies.strategy import Action
from perch.vocabulary import TRAINING_LOSSES


@dataclass(frozen=True)
class Parity:
    """Decisions on one run's results in their recorded order, and those that the strategy would take otherwise."""

    run: str
    decisions: int
    differing: tuple[str, ...]


@dataclass(frozen=True)
class Calibration:
    """One strategy: real runs and rehearsed ones, mean and 95 % interval over runs and over seeds. Values at ``SHARES``."""

    strategy: str
    real_runs: int
    real: dict[str, Mean]
    rehearsed: dict[str, Mean]


def parity(run: Run) -> Parity:
    """Let the run's strategy judge the recorded results again, in their order: stopped or not, it must say the same."""
    study = run.study
    trials = run.trials[run.trials["phase"] == "search"].set_index("trial_id")
    curves = run.curves[run.curves["trial_id"].isin(trials.index)]  # rows stand in the order of the log
    sign = -1.0 if study.mode == "max" else 1.0
    strategy = build(study.strategy, Plan(space=study.search_space, epochs=study.epochs, seed=study.seed))
    last = curves.groupby("trial_id")["epoch"].max()
    for name, row in trials.sort_values("ordinal").iterrows():
        event = {
            "e": "trial",
            "id": name,
            "i": int(row["ordinal"]),
            "config": row["config"],
            "bracket": int(row["bracket"]),
        }
        strategy.applied({**event, "by": row["by"], "seen": 0})
    differing = []
    ended = trials["status"].isin(["stopped", "completed"])
    reported = [n for n in TRAINING_LOSSES if n in curves]
    losses = curves[reported[0]].astype(float) if reported else [None] * len(curves)
    for name, epoch, value, loss in zip(
        curves["trial_id"], curves["epoch"], sign * curves["value"], losses, strict=True
    ):
        stopped = bool(ended[name]) and epoch == last[name]
        decision = strategy.tell(name, int(epoch), float(value), 0.0, loss)
        if (decision.action == Action.STOP) != stopped:
            differing.append(
                f"{name} at epoch {epoch}: {'stopped' if stopped else 'went on'}, rehearsed {decision.action}"
            )
        action = Action.STOP if stopped else Action.GO
        event = {"e": "result", "id": name, "seg": 0, "epoch": int(epoch), "value": float(value), "d": str(action)}
        strategy.applied(event if decision.judged is None else {**event, "judged": decision.judged})
    return Parity(run.id, len(curves), tuple(differing))


def real_runs(comparison: Path, strategy: str) -> list[Run]:
    """Runs of a strategy in a comparison's folder."""
    folders = sorted((comparison / "runs").glob(f"{strategy}-*"))
    return [load(f) for f in folders if f.name.rsplit("-", 1)[0] == strategy]


def calibration(strategy: str, real: Sequence[Run], rehearsed: Sequence[Rehearsed], time_s: float) -> Calibration:
    """Trials that reported, epochs, trainings to the end, and the incumbent at shares of the time: real and rehearsed."""
    seen = [_real(run, time_s) for run in real]
    foreseen = [_rehearsed(run, time_s) for run in rehearsed]
    return Calibration(strategy, len(real), _means(seen), _means(foreseen))


def _real(run: Run, time_s: float) -> dict[str, float]:
    search = run.trials.loc[run.trials["phase"] == "search", "trial_id"]
    curves: pd.DataFrame = run.curves[run.curves["trial_id"].isin(search) & (run.curves["time_s"] <= time_s)]
    last = curves.groupby("trial_id")["epoch"].max()
    best = incumbent_of(curves, run.study.metric, run.study.mode)
    return {
        "trials": float(len(last)), "epochs": float(len(curves)), "to the end": float((last == run.study.epochs).sum()),
        **{f"value at {share:g} B": float(best.at(share * time_s)) for share in SHARES},
    }  # fmt: skip


def _rehearsed(run: Rehearsed, time_s: float) -> dict[str, float]:
    return {
        "trials": float(run.reached[1:].sum()), "epochs": float(run.epochs), "to the end": float(run.reached[-1]),
        **{f"value at {share:g} B": float(run.incumbent.at(share * time_s)) for share in SHARES},
    }  # fmt: skip


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, Mean]:
    return {key: mean_of(np.array([row[key] for row in rows])) for key in rows[0]}
