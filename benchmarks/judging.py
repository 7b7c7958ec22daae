"""By which number of its curve should a training with a fresh seed be judged? Trainings of the main job's better configurations, over seeds.

    python benchmarks/judging.py CURVES.json [--configurations 14] [--seeds 6]

Trains the starting point, its recipes (``recipes.py``) and neighbours of it, drawn at random, to the main job's last epoch, a core each, and keeps
the curves in the file; those that are there are only read. Then, for every way to judge a training by its validation error: 4,000 times four
of the configurations with one, two or three seeds each are judged, and the lowest mean is chosen. Printed is by how much the chosen
configuration's test error (over the seeds that did not choose, at the epoch whose weights are kept) lies above the best of the four, in percent, and how
far the number itself lies below the test error.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count as count_from
from pathlib import Path
from typing import Any

import numpy as np
from recipes import recipes

from perch.settled import settled
from perch.study import Study, load

REDRAWN = 0.4
"""Probability with which a hyperparameter of a neighbour is drawn anew."""
DRAWS = 4000
ENTRANTS = 4


WAYS: Mapping[str, Callable[[np.ndarray], float]] = {
    "lowest value": lambda v: float(v.min()),
    "mean of the three lowest": lambda v: float(np.sort(v)[:3].mean()),
    "lowest mean of 3 in a row": lambda v: float(settled(v, 3) or np.nan),
    "lowest mean of 5 in a row": lambda v: float(settled(v, 5) or np.nan),
    "lowest mean of 9 in a row": lambda v: float(settled(v, 9) or np.nan),
    "last value": lambda v: float(v[-1]),
    "mean of the last 3": lambda v: float(v[-3:].mean()),
    "mean of the last 5": lambda v: float(v[-5:].mean()),
    "median of the last 9": lambda v: float(np.median(v[-9:])),
}


def configurations(study: Study, count: int) -> list[dict[str, Any]]:
    """The starting point, the recipes around it, and neighbours of it."""
    from perch.space import parse_space

    assert isinstance(study.points, list) and isinstance(study.space, dict)
    found = [config for name, config in recipes(study).items() if not name.startswith(("defaults", "what"))]
    space, rng, tries = parse_space(study.space), np.random.default_rng(0), count_from(len(found))
    while len(found) < count:
        drawn = space.draw_from_priors(0, next(tries))
        neighbour = {k: drawn[k] if rng.random() < REDRAWN else v for k, v in study.points[0].items()}
        if neighbour not in found:
            found.append(neighbour)
    return found[:count]


def curve(study: Study, config: dict[str, Any], seed: int) -> dict[str, list[float]]:
    """Validation and test errors in eV by epoch."""
    from perch.data.prepare import prepare
    from perch.training.plain import train_plain

    [found] = train_plain(prepare(study.data, base=Path()), config, study.epochs, [seed], threads=1, device="cpu")
    return {name: [row[f"{name}_mae_ev"] for row in found.rows] for name in ("validation", "test")}


def curves(path: Path, study: Study, count: int, seeds: int) -> list[list[dict[str, list[float]]]]:
    """By configuration and seed; trained where the file has them not."""
    known: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    wanted = [(config, seed) for config in configurations(study, count) for seed in range(1, seeds + 1)]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        missing = [(c, s) for c, s in wanted if _key(c, s) not in known]
        jobs = [(_key(c, s), pool.submit(curve, study, c, s)) for c, s in missing]
        for n, (key, job) in enumerate(jobs, 1):
            known[key] = job.result()
            path.write_text(json.dumps(known))
            print(f"trained {n} of {len(jobs)}", end="\r", flush=True)
    return [[known[_key(c, s)] for s in range(1, seeds + 1)] for c in configurations(study, count)]


def _key(config: Mapping[str, Any], seed: int) -> str:
    return json.dumps([dict(sorted(config.items())), seed])


def judged(
    way: Callable[[np.ndarray], float], values: Sequence[Sequence[np.ndarray]], tests: np.ndarray, seeds: int
) -> float:
    """Mean loss in percent of the choice by this number over so many seeds."""
    rng = np.random.default_rng(0)
    numbers = np.array([[way(v) for v in row] for row in values])
    lost = []
    for _ in range(DRAWS):
        some = rng.choice(len(numbers), ENTRANTS, replace=False)
        order = rng.permutation(numbers.shape[1])
        chosen = some[np.argmin(numbers[some][:, order[:seeds]].mean(axis=1))]
        truth = tests[:, order[seeds:]].mean(axis=1)
        lost.append(truth[chosen] / truth[some].min() - 1)
    return 100 * statistics.fmean(lost)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", type=Path)
    parser.add_argument("--configurations", type=int, default=14)
    parser.add_argument("--seeds", type=int, default=6)
    a = parser.parse_args()
    found = curves(a.curves, load(), a.configurations, a.seeds)
    values = [[np.array(c["validation"]) for c in row] for row in found]
    tests = np.array([[c["test"][int(np.argmin(c["validation"]))] for c in row] for row in found])
    print(f"{len(found)} configurations, {a.seeds} seeds; test error in eV: {tests.mean(axis=1).round(3).tolist()}")
    print(
        "| judged by | loss with 1 seed | 2 seeds | 3 seeds | rank correlation with the test error | below it by, eV |"
    )
    print("|---|---|---|---|---|---|")
    for name, way in WAYS.items():
        numbers = np.array([[way(v) for v in row] for row in values])
        ranks = [np.argsort(np.argsort(x)) for x in (numbers.mean(axis=1), tests.mean(axis=1))]
        losses = " | ".join(f"{judged(way, values, tests, n):.1f} %" for n in (1, 2, 3))
        print(f"| {name} | {losses} | {np.corrcoef(*ranks)[0, 1]:.2f} | {(tests - numbers).mean():.3f} |")


if __name__ == "__main__":
    main()
