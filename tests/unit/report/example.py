"""A made-up run on disk, by formula: for trying the report, its tests and its benchmark without training anything.

Every number in it is invented; its ``summary.json`` and ``study.yaml`` say so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from perch.report.report_data import rows
from perch.space import Space, keyed_rng, parse_space

SPACE = {
    "atom_embedding_size": {"int": [8, 128], "log": True},
    "num_graph_conv_layers": {"int": [1, 8]},
    "lr": {"float": [0.0003, 0.1], "log": True},
    "batch_size": {"choice": [16, 32, 64, 128]},
    "pooling": {"choice": ["mean", "adsorbate"]},
    "optimizer": "adam",
}
MEAN_PREDICTOR_EV = 1.4
BASELINES = {"mean": MEAN_PREDICTOR_EV, "mean_per_adsorbate": 0.83, "ridge_composition": 0.55}
ADSORBATES = ("H", "C", "N", "O", "CO", "OH")


def write_run(
    folder: Path, *, trials: int = 120, epochs: int = 81, eta: int | None = 3, workers: int = 2, seed: int = 0
) -> Path:
    """Write the record of a run of successive halving (``eta`` None: every trial trains to the end)."""
    space = parse_space(SPACE)
    configs = [space.draw(seed, k) for k in range(trials)]
    curves, trained, status, rung = _train(configs, epochs, eta, seed)
    frame = _curves(curves, trained, configs, workers)
    best = _trials(frame, configs, trained, status, rung)
    _write(folder, space, frame, best, epochs, "asha" if eta else "rs", seed)
    return folder


def write_pbt_run(folder: Path, *, trials: int = 12, epochs: int = 48, interval: int = 6, seed: int = 0) -> Path:
    """Write the record of a population-based run: exploits start new segments with the donor in their first row."""
    space = parse_space(SPACE)
    configs = [space.draw(seed, k) for k in range(trials)]
    rng = keyed_rng(seed, "example-pbt")
    reported: list[dict[str, Any]] = []
    segments = [0] * trials
    parents: list[tuple[str | None, int | None, int | None]] = [(None, None, None)] * trials
    level = np.full(trials, MEAN_PREDICTOR_EV)
    for epoch in range(1, epochs + 1):
        ideal = 0.03 * 0.01 ** (epoch / epochs)
        for k, config in enumerate(configs):
            gap = abs(np.log10(config["lr"] / ideal))
            level[k] = max(0.12, level[k] * (0.93 + 0.05 * min(gap, 2)) + rng.normal(0, 0.01))
            row = _row(k, segments[k], epoch, epoch * 2.0, level[k], config["lr"])
            row |= dict(zip(("parent_trial_id", "parent_segment", "parent_epoch"), parents[k], strict=True))
            reported.append(row | {"config": config})
            parents[k] = (None, None, None)
        if epoch % interval == 0 and epoch < epochs:
            order = np.argsort(level)
            for bad, good in zip(order[-trials // 4 :], order[: trials // 4], strict=False):
                parents[bad] = (f"{good:05d}", segments[good], epoch)
                factor = float(rng.choice([0.5, 0.8, 1.25]))
                configs[bad] = {**configs[good], "lr": float(np.clip(configs[good]["lr"] * factor, 3e-4, 0.1))}
                segments[bad], level[bad] = segments[bad] + 1, level[good]
    frame = pd.DataFrame(reported)
    end = np.full(trials, epochs)
    table = _trials(frame, configs, end, np.array(["completed"] * trials), np.full(trials, np.nan))
    _write(folder, space, frame, table, epochs, "pbt", seed)
    return folder


def _train(configs: Sequence[dict[str, Any]], epochs: int, eta: int | None, seed: int) -> tuple[Any, ...]:
    """Values (trials, epochs), epochs trained, status and last rung of each trial."""
    rng = keyed_rng(seed, "example")
    count = len(configs)
    lr = np.array([c["lr"] for c in configs])
    layers = np.array([c["num_graph_conv_layers"] for c in configs])
    width = np.array([c["atom_embedding_size"] for c in configs])
    pooled = np.array([c["pooling"] == "adsorbate" for c in configs])
    floor = (
        0.2 + 0.25 * np.abs(np.log10(lr / 0.006)) ** 1.5 + 0.02 * np.abs(layers - 4) + 3 / (width + 20) - 0.05 * pooled
    )
    floor = np.minimum(floor + rng.normal(0, 0.015, count), MEAN_PREDICTOR_EV)
    pace = np.clip(lr / 0.004, 0.1, 1.5)[:, None]
    at = np.arange(1, epochs + 1)[None, :]
    values = floor[:, None] + (MEAN_PREDICTOR_EV - floor[:, None]) * np.exp(-pace * np.sqrt(at) * 0.9)
    values *= 1 + rng.normal(0, 0.03, (count, epochs))
    flat = (lr > 0.06) & (layers > 5)
    values[flat] = MEAN_PREDICTOR_EV * (1 + np.abs(rng.normal(0, 0.01, (int(flat.sum()), epochs))))
    trained = np.full(count, epochs)
    status = np.array(["completed"] * count, dtype=object)
    rung = np.full(count, np.nan)
    level = 1
    while eta is not None and level < epochs:
        alive = np.flatnonzero(trained >= level)
        rung[alive] = level
        scores = np.minimum.accumulate(values[:, :level], axis=1)[:, -1]
        keep = scores[alive] <= np.quantile(scores[alive], 1 / eta)
        status[alive[~keep]], trained[alive[~keep]] = "stopped", level
        level *= eta
    for k in np.flatnonzero(rng.random(count) < 0.02):
        status[k], trained[k] = ("diverged", max(1, int(trained[k]) // 2)) if lr[k] > 0.02 else (status[k], trained[k])
    return values, trained, status, rung


def _row(k: int, segment: int, epoch: int, time_s: float, value: float, lr: float) -> dict[str, Any]:
    maes = {"train_mae_ev": 0.8 * value, "validation_mae_ev": value, "test_mae_ev": 1.05 * value, "value": value}
    where = {"trial_id": f"{k:05d}", "segment": segment, "epoch": epoch, "time_s": time_s, "epoch_s": 2.0}
    return {**where, **maes, "lr": lr, "device": "cpu", "peak_memory_bytes": 3 * 10**8, "attempt": 1}


def _curves(values: Any, trained: Any, configs: Sequence[dict[str, Any]], workers: int) -> pd.DataFrame:
    """A row per epoch; trials follow each other on ``workers`` workers, two seconds an epoch."""
    count = len(configs)
    trial = np.repeat(np.arange(count), trained)
    epoch = np.concatenate([np.arange(1, n + 1) for n in trained])
    free = np.zeros(workers)
    starts = np.empty(count)
    for k in range(count):
        worker = int(free.argmin())
        starts[k], free[worker] = free[worker], free[worker] + 2.0 * trained[k]
    value = values[trial, epoch - 1]
    lr = np.array([c["lr"] for c in configs])[trial]
    return pd.DataFrame(_row(0, 0, 0, 0.0, 0.0, 0.0), index=range(len(trial))).assign(
        trial_id=np.array([f"{k:05d}" for k in range(count)])[trial],
        epoch=epoch,
        time_s=starts[trial] + 2.0 * epoch,
        train_mae_ev=0.8 * value,
        validation_mae_ev=value,
        value=value,
        test_mae_ev=1.05 * value + 0.01 * np.sin(trial),
        lr=lr,
        config=np.array(configs, dtype=object)[trial],
    )


def _trials(
    curves: pd.DataFrame, configs: Sequence[dict[str, Any]], trained: Any, status: Any, rung: Any
) -> pd.DataFrame:
    grouped = curves.groupby("trial_id", sort=True)
    best = grouped["validation_mae_ev"].min().to_numpy()
    at_best = curves.loc[grouped["validation_mae_ev"].idxmin(), "test_mae_ev"].to_numpy()
    return pd.DataFrame(
        {
            "trial_id": sorted(curves["trial_id"].unique()),
            "phase": "search",
            "config": list(configs),
            "status": status,
            "failure": [("diverged" if s == "diverged" else None) for s in status],
            "epochs": trained,
            "start_s": grouped["time_s"].min().to_numpy() - 2.0,
            "end_s": grouped["time_s"].max().to_numpy(),
            "value": grouped["validation_mae_ev"].last().to_numpy(),
            "best_value": best,
            "best_validation_mae_ev": best,
            "test_mae_ev": at_best,
            "rung": rung,
            "bracket": 0,
            "collapsed": best >= 0.98 * MEAN_PREDICTOR_EV,
            "error": [("loss is nan at epoch 2" if s == "diverged" else None) for s in status],
        }
    )


def _write(
    folder: Path, space: Space, curves: pd.DataFrame, trials: pd.DataFrame, epochs: int, strategy: str, seed: int
) -> None:
    (folder / "best").mkdir(parents=True, exist_ok=True)
    curves.to_parquet(folder / "curves.parquet", index=False)
    trials.to_parquet(folder / "trials.parquet", index=False)
    train_s = float(curves["epoch_s"].sum())
    shares = {
        "training": 0.85,
        "evaluating": 0.08,
        "starting": 0.02,
        "checkpointing": 0.01,
        "suggesting": 0.01,
        "idle": 0.03,
    }
    overheads = pd.DataFrame([{"activity": n, "seconds": s * train_s, "share": s} for n, s in shares.items()])
    overheads.to_parquet(folder / "overheads.parquet", index=False)
    best = rows(curves.nsmallest(1, "validation_mae_ev"))[0]
    summary = {
        "run_id": folder.name,
        "strategy": strategy,
        "metric": "validation_mae_ev",
        "mode": "min",
        "seed": seed,
        "status": "done",
        "reason": "",
        "trials": len(trials),
        "failed": int(trials["status"].isin(["failed", "diverged"]).sum()),
        "worker_seconds": train_s,
        "wall_s": float(curves["time_s"].max()),
        "baselines": BASELINES,
        "baselines_test": {},
        "data": {},
        "best": {
            "trial_id": best["trial_id"],
            "config": best["config"],
            "epoch": int(best["epoch"]),
            "value": float(best["validation_mae_ev"]),
            "confirmed": None,
            "validation_mae_ev": float(best["validation_mae_ev"]),
            "test_mae_ev": float(best["test_mae_ev"]),
        },
        "device": "cpu",
        "versions": {"perch": "made-up example"},
    }
    (folder / "summary.json").write_text(json.dumps(summary, default=float), encoding="utf-8")
    study = {"name": "made-up-example", "space": space.spec(), "strategy": strategy, "epochs": epochs, "seed": seed}
    study |= {
        "metric": "validation_mae_ev",
        "mode": "min",
        "budget": {"trials": len(trials)},
        "data": {"source": "adsorption"},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    _predictions(seed).to_parquet(folder / "best" / "predictions.parquet", index=False)


def _predictions(seed: int, structures: int = 652) -> pd.DataFrame:
    rng = keyed_rng(seed, "example-predictions")
    adsorbate = np.array(ADSORBATES)[rng.integers(0, len(ADSORBATES), structures)]
    metal = np.array(["Pt", "Pd", "Cu", "Au", "Rh"])[rng.integers(0, 5, structures)]
    split = np.array(["train", "validation", "test"])[rng.choice(3, structures, p=[0.7, 0.15, 0.15])]
    target = rng.normal(0, 1.4, structures)
    deviation = rng.gamma(3, 0.06, structures) * np.where(split == "train", 0.4, 1)
    columns = {"id": [f"s{i}" for i in range(structures)], "split": split, "adsorbate": adsorbate, "target_ev": target}
    made = pd.DataFrame(columns | {"deviation_ev": deviation, "size": rng.integers(13, 20, structures)})
    made["formula"] = [f"{m}12{a}" for m, a in zip(metal, adsorbate, strict=True)]
    made["prediction_ev"] = target + 1.3 * deviation * rng.normal(0, 1, structures)
    return made
