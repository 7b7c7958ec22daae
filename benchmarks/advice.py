"""Is the advice good?  ``python benchmarks/advice.py TABLES [--every 2] [--curves 100] [--seeds 16]``.

LCBench's and TaskSet's tasks, none of which the rules were made on. Of each task ``--curves`` random curves are the record that
a user would have; the advice stands on it alone. What the strategies are worth is then rehearsed on all other curves of the
task, so that no curve is on both sides. ``rules`` is what ``perch advise`` says without a record, ``rules, rungs`` the same
with the record's rank correlations, ``record`` what its rehearsal on the record says. ``TABLES``: the folder that holds
``taskset_valid.npz`` and ``lcbench_surrogate.npz``.

A strategy's *loss* is how far its mean end value lies behind the best strategy's, as a share of the distance from the best to
the worst of the candidates. *best*: its loss is zero, or the paired 95 % interval over seeds holds zero.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perch.advise.candidates import candidates, choose
from perch.advise.facts import Facts
from perch.advise.rules import advice
from perch.compare.statistics.analysis import wilson
from perch.rehearse.answers import mean_of
from perch.rehearse.many import rehearse_all
from perch.rehearse.run import Setting
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.readers.lcbench import tasks as lcbench_tasks
from perch.rehearse.tables.readers.taskset import tasks as taskset_tasks
from perch.rehearse.tables.surrogate import rung_reliability
from perch.rehearse.tables.table import Table
from perch.simulate import Delays
from perch.space import keyed_rng

WORKERS, TIME_S, EPOCH_S = 8, 8 * 3600.0, 300.0
WITHIN = 0.05


def rows_of(table: Table, rows: NDArray[np.int64]) -> Table:
    """The table of some of its rows."""
    assert table.seconds is not None
    return replace(
        table, values=table.values[rows], seconds=table.seconds[rows], config_of=table.config_of[rows], weights=table.weights[rows],
        fates=tuple(table.fates[r] for r in rows), tests=None if table.tests is None else table.tests[rows],
        training=None if table.training is None else table.training[rows],
    )  # fmt: skip


def advised(record: Table, setting: Setting, seeds: int) -> dict[str, str]:
    """The strategy that each kind of advice names."""
    facts = Facts(record.space, record.epochs, setting.workers, setting.time_s, record.epoch_s)
    reliability = tuple((c.rung, c.correlation) for c in rung_reliability(record))
    return {
        "rules": advice(facts)[0].strategy, "rules, rungs": advice(replace(facts, reliability=reliability))[0].strategy,
        "record": choose(record, setting, range(seeds)).best.label, "always asha": "asha", "always rs": "rs",
    }  # fmt: skip


def worth(table: Table, setting: Setting, seeds: int) -> dict[str, NDArray[np.float64]]:
    """End values of every candidate, by seed. Seeds differ from those of the advice."""
    runs = rehearse_all(table, candidates(table.epochs), range(1000, 1000 + seeds), setting)
    worst = float(np.nanmax(table.values[table.usable]))
    return {s: np.array([min(r.incumbent.best, worst) for r in found]) for s, found in runs.items()}


def one(source: str, name: str, table: Table, curves: int, seeds: int) -> list[dict[str, Any]]:
    """A task: a row for each kind of advice."""
    order = keyed_rng(0, "advice", name).permutation(table.usable)
    setting = Setting(WORKERS, TIME_S, Delays())
    said = advised(rows_of(table, order[:curves]), setting, seeds)
    ends = worth(rows_of(table, order[curves:]), setting, seeds)
    means = {s: float(v.mean()) for s, v in ends.items()}
    best = min(means, key=lambda s: means[s])
    spread = max(means.values()) - means[best]
    rows = []
    for advice_of, strategy in said.items():
        behind = mean_of(ends[strategy] - ends[best])
        rows.append({
            "source": source, "task": name, "advice": advice_of, "strategy": strategy, "best": best,
            "loss": behind.value / spread if spread else 0.0, "is_best": strategy == best or behind.low <= 0,
            "ahead_of_asha": mean_of(ends["asha"] - ends[strategy]).value / spread if spread else 0.0,
        })  # fmt: skip
    return rows


def show(table: pd.DataFrame) -> None:
    """A line for each kind of advice, over tasks."""
    n = table["task"].nunique()
    print(
        f"\n| advice ({n} tasks) | best, or not distinguishable from it | loss within 5 % | mean loss | behind `always asha` |\n|---|---|---|---|---|"
    )
    for name, rows in table.groupby("advice", sort=False):
        is_best, within = (wilson(float(v.sum()), len(v)) for v in (rows["is_best"], rows["loss"] <= WITHIN))
        loss, ahead = mean_of(rows["loss"].to_numpy(float)), mean_of(-rows["ahead_of_asha"].to_numpy(float))
        cells = [f"{c.probability:.0%} [{c.low:.0%}, {c.high:.0%}]" for c in (is_best, within)]
        print(f"| {name} | {cells[0]} | {cells[1]} | {loss.value:.2f} [{loss.low:.2f}, {loss.high:.2f}] | {ahead.value:+.2f} [{ahead.low:+.2f}, {ahead.high:+.2f}] |")  # fmt: skip
    for what, column in (("best on the other curves", "best"), ("the record's advice", "strategy")):
        counts = table[table["advice"] == "record"][column].value_counts()
        print(f"\n{what}: " + ", ".join(f"`{s}` {c}" for s, c in counts.items()))


def main() -> None:
    """Print the table; a line per task as it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every so many-th of LCBench's 27 tasks")
    parser.add_argument("--curves", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=16)
    options = parser.parse_args()
    began = time.perf_counter()
    rows: list[dict[str, Any]] = []
    lcbench, taskset = options.tables / "lcbench_surrogate.npz", options.tables / "taskset_valid.npz"
    taskset_all = [("TaskSet", taskset, t) for t in taskset_tasks(taskset)]
    lcbench_some = [("LCBench", lcbench, t) for t in lcbench_tasks(lcbench)[:: options.every]]
    tasks = [t for pair in zip_longest(taskset_all, lcbench_some) for t in pair if t is not None]
    with contextlib.suppress(KeyboardInterrupt):  # what is done so far is shown
        for source, file, name in tasks:
            table = read([f"{file}:{name}"]).lasting(EPOCH_S)
            rows += one(source, name, table, options.curves, options.seeds)
            shown = ", ".join(f"{r['advice']}: {r['strategy']} ({r['loss']:.2f})" for r in rows[-5:])
            print(f"{source} {name}: best {rows[-1]['best']}; {shown}", flush=True)
    show(pd.DataFrame(rows))
    print(
        f"\n{WORKERS} workers, {TIME_S / 3600:g} h, {options.curves} curves, {options.seeds} seeds; {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
