"""Records of runs made up by rule, in the form that a run folder has."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from perch.study import Study, parse

SPEC: dict[str, Any] = {
    "name": "made-up",
    "data": {"source": "adsorption", "split": {"seed": 0}},
    "space": {"lr": {"float": [0.001, 0.1], "log": True}},
    "trainable": "cgcnn",
    "metric": "validation_mae_ev",
    "mode": "min",
    "epochs": 9,
    "optimizer": "adam",
    "budget": {"time": 100.0},
}
"""The study file of a made-up run."""


@dataclass
class MadeUp:
    """What ``perch.record.load`` returns, in memory."""

    folder: Path
    curves: pd.DataFrame
    trials: pd.DataFrame
    overheads: pd.DataFrame
    summary: dict[str, Any]
    study: Study


def made_up(
    strategy: str,
    seed: int,
    *,
    epoch_s: float = 1.0,
    budget_s: float = 100.0,
    stop_after: int = 9,
    collapsed_share: float = 0.25,
    **changed: Any,
) -> MadeUp:
    """One worker trains one trial after the other; trial k's quality depends on (seed, k) alone.

    ``changed``: keys of the study file that differ from ``SPEC``. A trial worse than the median of those before it ends after ``stop_after`` epochs; one in four collapses.
    """
    rng = np.random.default_rng(seed)
    rows, trials, now, k, seen = [], [], 0.0, 0, []
    while now + epoch_s <= budget_s:
        floor, lr, collapsed = (
            float(rng.uniform(0.1, 0.6)),
            float(10 ** rng.uniform(-3, -1)),
            rng.random() < collapsed_share,
        )
        name, good = f"{k:05d}", not seen or floor <= float(np.median(seen))
        last = 9 if good else stop_after
        epochs = min(last, int((budget_s - now) // epoch_s))
        for epoch in range(1, epochs + 1):
            now += epoch_s
            value = 1.0 if collapsed else floor + (1 - floor) * float(np.exp(-epoch / 2))
            rows.append(
                {"trial_id": name, "segment": 0, "epoch": epoch, "time_s": now, "epoch_s": epoch_s, "train_mae_ev": value * 0.9,
                 "validation_mae_ev": value, "test_mae_ev": value + 0.02, "lr": lr}
            )  # fmt: skip
        seen.append(floor)
        status = "interrupted" if epochs < last else "completed" if last == 9 else "stopped"
        trials.append({"trial_id": name, "phase": "search", "status": status, "epochs": epochs, "collapsed": bool(collapsed),
                       "config": {"lr": lr}})  # fmt: skip
        k += 1
    shares = {
        "training": 0.8,
        "evaluating": 0.1,
        "starting": 0.02,
        "checkpointing": 0.0,
        "suggesting": 0.0,
        "idle": 0.08,
    }
    overheads = pd.DataFrame([{"activity": a, "seconds": share * now, "share": share} for a, share in shares.items()])
    summary = {
        "strategy": strategy,
        "seed": seed,
        "worker_seconds": budget_s,
        "wall_s": budget_s,
        "run_id": f"{strategy}-{seed}",
    }
    return MadeUp(
        Path(f"/made-up/{strategy}-{seed}"),
        pd.DataFrame(rows),
        pd.DataFrame(trials),
        overheads,
        summary,
        parse({**copy.deepcopy(SPEC), **changed}),
    )


def blocks_of(n: int, **options: Any) -> list[tuple[str, MadeUp]]:
    """n blocks of rs and of a strategy that stops bad trials after one epoch."""
    runs = [("rs", made_up("rs", seed, **options)) for seed in range(n)]
    return runs + [("asha", made_up("asha", seed, stop_after=1, **options)) for seed in range(n)]
