"""The published study 1 in simulated time: ``python benchmarks/rehearsal.py [--blocks 10]``.

The strategy objects that real runs use are driven by a virtual clock: 32 workers, 8 hours, the published space. Learning
curves are constructed, not recorded: power laws whose limit grows with the distance from a random optimum that can learn.
Networks with more than 14 plain layers after pooling stay at the mean predictor, as measured for the reference head. So
this shows what follows from the strategies alone, with and without such networks. It says nothing about any data set.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perch.compare.statistics.analysis import analyse
from perch.compare.statistics.hits import Blocks
from perch.compare.statistics.incumbent import Incumbent, incumbent
from perch.simulate import Delays, PowerLaw, simulate
from perch.space import Space, keyed_uniforms
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.study import parse

STRATEGIES = ("rs", "asha", "ahb")
WORKERS, BUDGET_S, EPOCHS, EPOCH_S = 32, 8 * 3600.0, 81, 60.0
DEEPEST = 14
"""Layers after pooling that still learn."""
MEAN_PREDICTOR = 1.3


@dataclass(frozen=True)
class Published(PowerLaw):
    """The constructed curves, with the published space's dead region."""

    dead: bool = True

    def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """What the trial reports."""
        if self.dead and config["num_fc_layers"] > DEEPEST:
            return MEAN_PREDICTOR
        return super().value(config, trial, epoch)

    def _distance(self, config: Mapping[str, Any]) -> float:
        """From an optimum that can learn: its number of plain layers lies in the living part of the range."""
        optimum, living = keyed_uniforms(self.seed, "optimum"), DEEPEST / 40
        unit = self.space.to_unit(config)
        return sum(
            (u - next(optimum) * (living if key == "num_fc_layers" else 1)) ** 2 for key, u in unit.items()
        ) / len(unit)


def run(name: str, space: Space, seed: int, dead: bool) -> tuple[Incumbent, int, int]:
    """One simulated run: its incumbent, trials begun, and trials that ended."""
    plan = Plan(space=space, epochs=EPOCHS, trials=None, seed=seed, workers=WORKERS)
    curves = Published(space, seed=seed, epoch_s=EPOCH_S, dead=dead)
    times, values, trials, ended = [], [], 0, 0
    for event in simulate(build(name, plan), curves, workers=WORKERS, time_s=BUDGET_S, delays=Delays()):
        if event["e"] == "result":
            times.append(event["used_s"])
            values.append(event["value"])
            ended += event["d"] == "stop"
        trials += event["e"] == "trial"
    return incumbent(times, values), trials, ended


def main() -> None:
    """Print trials and speed-ups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=10)
    options = parser.parse_args()
    space = parse({"space": "source-2020"}).search_space
    start = time.perf_counter()
    for dead in (True, False):
        found = {s: [run(s, space, seed, dead) for seed in range(options.blocks)] for s in STRATEGIES}
        print(f"\n### {'The published space' if dead else 'As if every configuration could learn'}\n")
        print("| strategy | trials that ended, per run | times those of rs |\n|---|---|---|")
        counts = {s: sum(e for _, _, e in runs) / len(runs) for s, runs in found.items()}
        for s in STRATEGIES:
            print(f"| {s} | {counts[s]:.0f} | {counts[s] / counts['rs']:.1f} |")
        analysis = analyse(
            Blocks({s: [i for i, _, _ in runs] for s, runs in found.items()}, BUDGET_S),
            planned=options.blocks,
            curve=False,
        )
        print(
            "\n| strategy | target: rs median at | times faster than rs | missed (it, rs) | verdict |\n|---|---|---|---|---|"
        )
        for c in analysis.contrasts:
            r = c.ratio
            print(
                f"| {c.strategy} | {c.target.share:g} B | {r}, {r.estimator} | {r.censored:.0%}, {r.censored_reference:.0%} | {c.verdict.says} |"
            )
    print(f"\n{6 * options.blocks} simulated runs of 32 workers and 8 h in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
