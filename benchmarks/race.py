"""The race over fresh seeds against full confirmation: ``python benchmarks/race.py [RECORD...] [--searches 200]``.

Each search is ASHA on recorded curves, on the virtual clock. A seed multiplies a trial's whole curve by a factor drawn from
a log-normal distribution of deviation ``--noise``: recorded curves have one seed each, so their noise is constructed. A
configuration's worth is the settled value of its recorded curve. After each search the same configurations and seeds are

* raced within ``--share`` of the search's epochs (``confirm: {share: …}``), the starting point among them,
* trained in full: five configurations and the starting point, five seeds each (``confirm: {top: 5, seeds: 5}``),
* not trained at all: the trial with the lowest value of the search is taken.

Printed are, per design: epochs over those of the search; how often it names the winner of the full design; by how much the
configuration that it names is worse than that one in the mean, and how often it is better or the same. Without a record:
the comparison in ``studies/recorded/study-both``, 27 epochs.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from perch.rehearse.tables.drawn import TableCurves, TableSearch
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.table import Table, config_key
from perch.settled import Settled, settled, window_for
from perch.simulate import simulate
from perch.space import keyed_uniforms
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.study import Confirm

HERE = Path(__file__).parent.parent
WORKERS = 4
FULL = Confirm(top=5, seeds=5, share=None)


class Seeded(TableCurves):
    """Recorded curves, each trial's multiplied by its seed's factor."""

    def __init__(self, table: Table, seed: int, noise: float) -> None:
        super().__init__(table, seed)
        self.seed, self.noise = seed, noise

    def value(self, config: Mapping[str, Any], trial: str, epoch: int) -> float:
        """What the trial reports."""
        return super().value(config, trial, epoch) * self._factor(trial)

    def metrics(self, config: Mapping[str, Any], trial: str, epoch: int) -> dict[str, Any]:
        """The same, under the name that the simulator looks for."""
        found = super().metrics(config, trial, epoch)
        return {**found, "validation_mae_ev": self.value(config, trial, epoch)}

    def _factor(self, trial: str) -> float:
        uniform = next(keyed_uniforms(self.seed, "seed-noise", trial))
        return float(np.exp(self.noise * NormalDist().inv_cdf(min(max(uniform, 1e-9), 1 - 1e-9))))


@dataclass(frozen=True)
class Named:
    """What one design named: whose configuration, its trainings' epochs and the search's, what it is worth."""

    config: str
    epochs: int
    searched: int
    worth: float


def one(table: Table, seed: int, trials: int, noise: float, confirm: Confirm | None) -> Named:
    """A search and what follows it."""
    plan = Plan(space=table.space, epochs=table.epochs, trials=trials, seed=seed, workers=WORKERS)
    strategy = build({"name": "asha"}, plan, TableSearch(table, seed))
    worth = {config_key(table.space, table.configs[c]): w for c, w in _worth(table).items()}
    start = table.configs[table.config_of[table.full[int(len(table.full) * next(keyed_uniforms(seed, "start")))]]]
    configs: dict[str, Any] = {"start": start}
    searched: dict[str, float] = {}
    fresh: dict[str, list[float]] = {}
    judged: dict[str, Settled] = {}
    epochs = results = 0
    for event in simulate(
        strategy, Seeded(table, seed, noise), workers=WORKERS, epochs=table.epochs, confirm=confirm, start=start
    ):
        if event["e"] == "trial" and "phase" not in event:
            configs[event["id"]] = event["config"]
        elif event["e"] == "result":
            name = event["id"]
            if name.startswith("confirm-"):
                epochs += 1
                judged.setdefault(name, Settled(window_for(table.epochs))).add(event["value"])
                if event["d"] == "stop" and (value := judged[name].value) is not None:
                    fresh.setdefault(name.removeprefix("confirm-").rsplit("-", 1)[0], []).append(value)
            else:
                results += 1
                searched[name] = min(event["value"], searched.get(name, np.inf))
    if fresh:
        named = min(fresh, key=lambda n: (float(np.mean(fresh[n])), n))
    else:
        named = min(searched, key=lambda n: searched[n])
    key = config_key(table.space, configs[named])
    return Named(repr(key), epochs, results, worth[key])


def _worth(table: Table) -> dict[int, float]:
    """Configuration → settled value of its recorded curve, infinite where it never ended."""
    out: dict[int, float] = {}
    for row in table.usable.tolist():
        value = settled(table.values[row], window_for(table.epochs)) if table.last[row] == table.epochs else None
        worth = np.inf if value is None else float(value)
        out[int(table.config_of[row])] = min(worth, out.get(int(table.config_of[row]), np.inf))
    return out


def search(work: tuple[Table, int, int, float, tuple[float, ...]]) -> list[Named]:
    """One search under every design: the races by their shares, the full one, none."""
    table, seed, trials, noise, shares = work
    designs = [*(Confirm(share=share) for share in shares), FULL, None]
    return [one(table, seed, trials, noise, design) for design in designs]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="*", default=[str(HERE / "studies" / "recorded" / "study-both")])
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--trials", type=int, default=200, help="of a search")
    parser.add_argument("--noise", type=float, default=0.08, help="deviation of the logarithm of a value over seeds")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1, 0.25, 0.5, 1.0])
    options = parser.parse_args()
    table = read(options.records).check().check_times()
    began = time.monotonic()
    work = [(table, seed, options.trials, options.noise, tuple(options.shares)) for seed in range(options.searches)]
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(search, work, chunksize=5))
    print(
        f"{table.name}: {len(table.full)} full curves, {table.epochs} epochs; {options.searches} searches of {options.trials} trials, "
        f"seeds move a value by {options.noise:.0%}; {time.monotonic() - began:.0f} s on {platform.machine()}\n"
    )
    print("| design | epochs / search's | names the full design's winner | as good or better | worse in the mean by |")
    print("|---|---|---|---|---|")
    full = [row[-2] for row in found]
    labels = [
        *(f"race, share {share:g}" for share in options.shares),
        "full: 6 x 5",
        "none: lowest value of the search",
    ]
    for n, label in enumerate(labels):
        rows = [row[n] for row in found]
        spent = float(np.mean([r.epochs / r.searched for r in rows]))
        same = np.mean([r.config == f.config for r, f in zip(rows, full, strict=True)])
        worse = np.array([r.worth / f.worth - 1 for r, f in zip(rows, full, strict=True)])
        print(f"| {label} | {spent:.2f} | {same:.0%} | {np.mean(worse <= 0):.0%} | {worse.mean():.1%} |")


if __name__ == "__main__":
    main()
