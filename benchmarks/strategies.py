"""How long strategies take to decide, without training anything; Ray's ASHAScheduler beside ours in the same run.

    python benchmarks/strategies.py [--trials 100000] [--ray-trials 10000] [--workers 1000]

Every strategy is driven alone, over constructed results, by the same loop. Seconds are CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import json
import platform
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from perch.space import parse_space
from perch.strategies.registry import Plan, build
from perch.strategies.strategy import New, Resume

EPOCHS = 81
SPACE = parse_space(
    {
        "atom_embedding_size": {"int": [1, 100]},
        "num_graph_conv_layers": {"int": [1, 40]},
        "fc_feat_size": {"int": [1, 150]},
        "num_fc_layers": {"int": [1, 40]},
        "lr": {"float": [0.001, 0.1]},
        "batch_size": {"choice": [40, 61, 79, 102, 120, 141, 163, 183, 201, 210, 225, 238]},
    }
)


@dataclass
class Figures:
    """CPU seconds of a whole study, and of single decisions in microseconds."""

    trials: int
    results: int
    seconds: float
    decisions_us: list[float]

    def per_cent(self, share: float) -> float:
        """A percentile of the decisions."""
        ordered = sorted(self.decisions_us)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


class Ours:
    """One of Perch's strategies: ask, tell and applied, configurations drawn for real."""

    def __init__(self, name: str, trials: int) -> None:
        self.strategy = build(name, Plan(SPACE, EPOCHS, trials, seed=0))
        self.started = 0

    def start(self) -> str | None:
        """The next trial for a free worker, None when there is none."""
        answer = self.strategy.ask(0.0)
        if isinstance(answer, Resume):
            self.strategy.applied({"e": "promote", "id": answer.trial})
            return answer.trial
        if not isinstance(answer, New):
            return None
        trial = f"{self.started:06d}"
        event = {"e": "trial", "id": trial, "i": self.started, "config": answer.config, "bracket": answer.bracket}
        self.strategy.applied(event)
        self.started += 1
        return trial

    def report(self, trial: str, epoch: int, value: float) -> bool:
        """Decide, take note, and say whether the trial keeps its worker."""
        decision = self.strategy.tell(trial, epoch, value, 0.0)
        event = {"e": "result", "id": trial, "seg": 0, "epoch": epoch, "value": value, "d": str(decision.action)}
        self.strategy.applied(event)
        return decision.action == "go"


class Rays:
    """Ray's ASHAScheduler; it proposes no configurations, so none are drawn."""

    def __init__(self, trials: int) -> None:
        from ray.tune.schedulers import ASHAScheduler

        self.scheduler = ASHAScheduler(metric="loss", mode="min", max_t=EPOCHS, grace_period=1, reduction_factor=3)
        self.trials, self.started = trials, 0
        self.stubs: dict[str, Any] = {}

    def start(self) -> str | None:
        """The next trial for a free worker, None when there is none."""
        if self.started == self.trials:
            return None
        trial = f"{self.started:06d}"
        self.stubs[trial] = SimpleNamespace(trial_id=trial)
        self.scheduler.on_trial_add(None, self.stubs[trial])
        self.started += 1
        return trial

    def report(self, trial: str, epoch: int, value: float) -> bool:
        """Decide, take note, and say whether the trial keeps its worker."""
        result = {"training_iteration": epoch, "loss": value}
        going = self.scheduler.on_trial_result(None, self.stubs[trial], result) == "CONTINUE"
        if not going:
            del self.stubs[trial]
        return bool(going)


def drive(driven: Ours | Rays, workers: int, time_decisions: bool = False) -> Figures:
    """A virtual clock with ``workers`` workers; trials differ in limit, rate and speed."""
    rng = random.Random(0)
    traits: dict[str, tuple[float, float, float]] = {}
    epochs: dict[str, int] = {}
    heap: list[tuple[float, str]] = []
    decisions_us: list[float] = []
    now, free, results = 0.0, workers, 0
    gc.collect()
    begun = time.process_time()
    while True:
        while free and (trial := timed(driven.start, decisions_us, time_decisions)) is not None:
            if trial not in traits:
                traits[trial] = (rng.random(), rng.random(), 0.5 + rng.random())
            free -= 1
            heapq.heappush(heap, (now + traits[trial][2], trial))
        if not heap:
            return Figures(len(traits), results, time.process_time() - begun, decisions_us)
        now, trial = heapq.heappop(heap)
        epoch = epochs[trial] = epochs.get(trial, 0) + 1
        limit, rate, speed = traits[trial]
        value = limit / 2 + 1 / (epoch + rate)
        results += 1
        if timed(lambda t=trial, e=epoch, v=value: driven.report(t, e, v), decisions_us, time_decisions):
            heapq.heappush(heap, (now + speed, trial))
        else:
            free += 1


def timed(call: Callable[[], Any], decisions_us: list[float], wanted: bool) -> Any:
    """Call, and note how long it took."""
    if not wanted:
        return call()
    begun = time.perf_counter()
    out = call()
    decisions_us.append(1e6 * (time.perf_counter() - begun))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument(
        "--ray-trials", type=int, default=10_000, help="Ray's time grows with the square; 0: leave it out"
    )
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--json", help="write the figures to this file")
    args = parser.parse_args()
    small = args.trials // 10
    table: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}"
    }

    print(f"whole studies of {EPOCHS} epochs, {args.workers} virtual workers, CPU seconds")
    for name in ("asha", "ahb", "asha-promote"):
        few, many = (drive(Ours(name, n), args.workers) for n in (small, args.trials))
        growth = (many.seconds / many.trials) / (few.seconds / few.trials)
        print(
            f"  {name:14}{few.trials:>8,} trials {few.seconds:6.2f} s   {many.trials:>8,} trials {many.seconds:6.2f} s "
            f"({many.results:,} results)   cost of a trial × {growth:.2f} from the one to the other"
        )
        table[name] = {"trials": many.trials, "results": many.results, "seconds": many.seconds, "growth": growth}
    if args.ray_trials:
        ours, rays = (drive(d, args.workers) for d in (Ours("asha", args.ray_trials), Rays(args.ray_trials)))
        print(
            f"  at {args.ray_trials:,} trials: asha {ours.seconds:.2f} s with configurations drawn, Ray's ASHAScheduler "
            f"{rays.seconds:.2f} s without: × {rays.seconds / ours.seconds:.0f}"
        )
        table["ray"] = {"trials": args.ray_trials, "seconds": rays.seconds, "ours": ours.seconds}

    print(f"\nsingle decisions in studies of {small:,} trials, microseconds of wall time")
    for name in ("rs", "asha", "ahb", "median", "asha-promote"):
        figures = drive(Ours(name, small), min(args.workers, 32), time_decisions=True)
        middle, late = figures.per_cent(0.5), figures.per_cent(0.99)
        print(f"  {name:14}median {middle:6.1f}   99 % below {late:6.1f}   {len(figures.decisions_us):,} decisions")
        table[f"{name} decision"] = {"median_us": middle, "p99_us": late}
    if args.json:
        with open(args.json, "w") as file:  # noqa: PTH123
            json.dump(table, file, indent=1)


if __name__ == "__main__":
    main()
