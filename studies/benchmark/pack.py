"""Puts a recorded run into the benchmark: its finished trainings, and of their tables what a rehearsal reads.

``python studies/benchmark/pack.py RUN PART`` writes ``studies/benchmark/runs/PART``. Numbers are kept as 32-bit floats, about seven digits.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import yaml

from perch.record import load
from perch.rehearse.tables.table import COMPLETED, DIVERGED

HERE = Path(__file__).parent
LEFT_OUT = ("value", "device", "attempt", "parent_trial_id", "parent_segment", "parent_epoch")
"""Columns of ``curves.parquet`` that are equal in every row, or say a thing twice; those of the configuration are in ``trials.parquet``."""
FROM_SUMMARY = (
    "run_id",
    "study",
    "strategy",
    "seed",
    "metric",
    "mode",
    "status",
    "worker_seconds",
    "wall_s",
    "device",
    "baselines",
    "baselines_test",
    "data",
    "best",
)


def pack(run_folder: Path, part: str) -> str:
    """Write the part; a line that says what is in it. Configurations of which not every repeat has ended are left out."""
    run = load(run_folder)
    repeats = int(run.study.strategy["repeats"])
    trials = run.trials[run.trials["status"].isin([COMPLETED, DIVERGED])]
    whole = trials.groupby(trials["ordinal"] // repeats)["ordinal"].transform("size") == repeats
    trials = trials[whole].sort_values("ordinal")
    curves = run.curves[run.curves["trial_id"].isin(trials["trial_id"])].sort_values(["trial_id", "epoch"])
    keys = [c for c in curves if c in LEFT_OUT or c.startswith("config")]
    folder = HERE / "runs" / part
    folder.mkdir(parents=True, exist_ok=True)
    _write(curves.drop(columns=keys), folder / "curves.parquet")
    _write(trials, folder / "trials.parquet")
    study = yaml.safe_load((run_folder / "study.yaml").read_text(encoding="utf-8")) | {"base": "."}
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    kept = {k: run.summary.get(k) for k in FROM_SUMMARY} | {"trials": len(trials), "epochs": len(curves)}
    (folder / "summary.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    size = sum(file.stat().st_size for file in folder.iterdir())
    left = len(run.trials) - len(trials)
    return f"{folder}: {len(trials) // repeats} configurations × {repeats}, {len(curves)} epochs, {size / 1e6:.2f} MB; {left} trainings left out"


def _write(table: pd.DataFrame, path: Path) -> None:
    rounded = [c for c in table.select_dtypes("float64") if c != "time_s"]  # times since the start need more digits
    table.astype(dict.fromkeys(rounded, "float32")).to_parquet(path, index=False, compression="zstd")


if __name__ == "__main__":
    print(pack(Path(sys.argv[1]), sys.argv[2]))
