"""What a careful training gives without a search: named changes of the main job's starting point, and the networks' defaults.

    python benchmarks/recipes.py [--seeds 4] [--only 'starting point,defaults']

Each is trained to the main job's last epoch on its data with so many seeds, one core each. Printed are the means over seeds of the
validation and the test error in eV at the best epoch by validation, and the deviation of the test error.
"""

from __future__ import annotations

import argparse
import os
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from perch.study import Study, load

BOTH = {"ema_decay": 0.99, "clip_norm": 1.0}


def recipes(study: Study) -> dict[str, dict[str, Any]]:
    """Configurations by name."""
    from perch.training.keys import DEFAULTS, START

    assert isinstance(study.points, list)
    hand = study.points[0]
    return {
        "starting point": hand,
        "… ema_decay 0.99": {**hand, "ema_decay": 0.99},
        "… clip_norm 1": {**hand, "clip_norm": 1.0},
        "… both": {**hand, **BOTH},
        "… cosine": {**hand, "lr_schedule": "cosine"},
        "… cosine, batch 8": {**hand, "lr_schedule": "cosine", "batch_size": 8},
        "… cosine, batch 8, both": {**hand, "lr_schedule": "cosine", "batch_size": 8, **BOTH},
        "defaults": dict(DEFAULTS),
        "defaults, both": {**DEFAULTS, **BOTH},
        "what tuning starts from without points": dict(START),
    }


def train(study: Study, config: dict[str, Any], seed: int) -> tuple[float, float]:
    """Validation and test error in eV at the best epoch."""
    from perch.data.prepare import prepare
    from perch.training.plain import train_plain

    prepared = prepare(study.data, base=Path())
    [found] = train_plain(prepared, config, study.epochs, [seed], threads=1, device="cpu")
    return found.validation_mae_ev, found.test_mae_ev or float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--only", help="some of the names, separated by commas")
    a = parser.parse_args()
    study = load()
    chosen = recipes(study)
    if a.only:
        chosen = {name: chosen[name] for name in a.only.split(",")}
    print(f"| {study.epochs} epochs, {a.seeds} seeds | validation MAE, eV | test MAE, eV |\n|---|---|---|")
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        running = {
            name: [pool.submit(train, study, config, seed) for seed in range(1, a.seeds + 1)]
            for name, config in chosen.items()
        }
        for name, jobs in running.items():
            validation, test = zip(*(job.result() for job in jobs), strict=True)
            spread = statistics.stdev(test) if len(test) > 1 else 0.0
            print(
                f"| {name} | {statistics.fmean(validation):.3f} | {statistics.fmean(test):.3f} ± {spread:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
