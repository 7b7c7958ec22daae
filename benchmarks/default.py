"""Which strategy should be the default?  ``python benchmarks/default.py TABLES OUT.jsonl [--seeds 16] [--modelled] [--strategies A,B] [--show]``.

Strategies and their settings in simulated time on recorded curves: LCBench's 27 tasks, TaskSet's nine, AlgoPerf's graph network, and the two
data sets of ``studies/recorded``. ``TABLES``: the folder that holds ``lcbench_surrogate.npz``, ``taskset_valid.npz`` and
``algoperf_curves.csv.gz``. Four workers; a run is looked at when it has had the worker time of 10, 25 and 50 full trainings
(with a model: 10 and 25).

*Regret*: distance of the best value reported so far from the table's best, as a share of the distance from the table's median to its
best. *Trained out*: the same for the last epoch of the configuration that holds that best value. Every strategy with random search
draws the same recorded configurations. ``--modelled``: strategies with a model instead; every configuration of the space may be asked
for, and is answered by the nearest recorded one, for all alike.

Results are appended to ``OUT.jsonl``, a line for each task, seed and strategy; a second call goes on where the first was left.
``--show`` prints the tables of what is there; strategies that not every task has get no rank. The rule for the default: a strategy replaces ``asha`` whose regret is at most 0.8 of ``asha``'s in the median
task at 10, 25 and 50 full trainings.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from itertools import chain, product
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from perch.rehearse.answers import mean_of
from perch.rehearse.run import Setting, events
from perch.rehearse.tables.drawn import TableCurves
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.readers.lcbench import tasks as lcbench_tasks
from perch.rehearse.tables.readers.taskset import tasks as taskset_tasks
from perch.rehearse.tables.surrogate import encode
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import Variant, variants
from perch.simulate import Delays, simulate
from perch.space import Config, keyed_rng
from perch.strategies.plan import Plan
from perch.strategies.registry import build
from perch.suggesting.dragonfly import DragonflyProcess, searcher

WORKERS: Final = 4
TRAININGS: Final = (10, 25, 50)
EPOCH_S: Final = 300.0
RULE: Final = 0.8
RECORDED: Final = Path(__file__).parents[1] / "studies" / "recorded"
DRAWN: Final = (
    "asha", "rs", "median", "ahb", "asha-promote", "pasha", "topk", "topk+grace_period=3", "topk+grace_period=9",
    "asha+grace_period=3", "asha+grace_period=9", "asha+reduction_factor=2", "asha+reduction_factor=4",
    "asha+judge=best", "asha+judge=mean_of_last_3", "asha+judge=training_loss", "asha+grace_period=3+judge=best",
    "asha-promote+reduction_factor=4", "pasha+reduction_factor=4",
)  # fmt: skip
MODELLED: Final = ("asha", "rs", "asha-promote", "tpe", "asha-tpe", "gp", "bo", "asha-mf")
"""Without ``asha-gp`` and ``asha-bo``, which take minutes for each task: ``--strategies asha-gp,asha-bo --every 4``."""


class Nearest(TableCurves):
    """Any configuration of the space does as the nearest recorded one."""

    def __init__(self, table: Table, seed: int) -> None:
        super().__init__(table, seed)
        self._near = np.unique(table.config_of[table.usable])
        self._points = np.stack([encode(table.space, table.configs[c]) for c in self._near])

    def _draw(self, config: Mapping[str, Any], trial: str) -> int:
        distance = ((self._points - encode(self._table.space, config)) ** 2).sum(axis=1)
        return super()._draw(self._table.configs[self._near[int(distance.argmin())]], trial)


@lru_cache(maxsize=64)
def table_of(record: str) -> Table:
    """A table whose epochs have seconds."""
    table = read([record])
    return table.lasting(EPOCH_S)


def records(tables: Path) -> list[tuple[str, str, str]]:
    """Family, task and record of every table, families by turns."""
    lcbench, taskset = tables / "lcbench_surrogate.npz", tables / "taskset_valid.npz"
    own = [("recorded", name, str(RECORDED / name)) for name in ("study-both", "study-cmr")]
    logs = [("AlgoPerf", "ogbg", f"{tables / 'algoperf_curves.csv.gz'}:ogbg")]
    many = [("TaskSet", t, f"{taskset}:{t}") for t in taskset_tasks(taskset)]
    rest = [("LCBench", t, f"{lcbench}:{t}") for t in lcbench_tasks(lcbench)]
    return [*own, *logs, *(r for r in [x for pair in zip(many, rest[::3], strict=True) for x in pair]),
            *(r for k, r in enumerate(rest) if k % 3)]  # fmt: skip


Job = tuple[str, str, str, int, str, bool]
"""Family, task, record, seed, strategy, whether it is among those with a model."""


def one(job: Job) -> dict[str, Any]:
    """A strategy on a task with one seed: its regrets; nothing found where the task does not allow it."""
    family, task, record, seed, label, modelled = job
    table, found = table_of(record), {}
    variant = variants([label])[0]
    untold = variant.spec.get("judge") == "training_loss" and table.training is None
    too_short = variant.spec.get("grace_period", 1) * variant.spec.get("reduction_factor", 3) > table.epochs
    if not untold and not too_short:
        found[label] = looked_at(table, variant, seed, modelled)
    return {"family": family, "task": task, "seed": seed, "modelled": modelled, "strategy": label, "found": found}


def looks(modelled: bool) -> tuple[int, ...]:
    """Numbers of full trainings at which a run is looked at; a model's suggestions cost too much for the last."""
    return TRAININGS[:2] if modelled else TRAININGS


def looked_at(table: Table, variant: Variant, seed: int, modelled: bool) -> dict[str, Any]:
    """Regret, regret trained out and share of the record that was drawn, at each number of full trainings; trials at the end."""
    training_s = table.epoch_s * table.epochs
    at_s = [n * training_s / WORKERS for n in looks(modelled)]
    setting = Setting(WORKERS, at_s[-1], Delays())
    curves = (Nearest if modelled else TableCurves)(table, seed)
    lowest, holder, trials = float("inf"), "", 0
    configs: dict[str, Config] = {}
    out: dict[str, Any] = {"regret": [], "trained_out": [], "drawn": []}
    for event in chain(
        logged(table, variant, seed, setting, curves, modelled), [{"e": "close", "used_s": float("inf")}]
    ):
        while len(out["regret"]) < len(at_s) and event.get("used_s", 0.0) > at_s[len(out["regret"])]:
            row = curves.row(configs[holder], holder) if holder else None
            out["regret"].append(round(_share(table, lowest, best_epoch=True), 6))
            out["trained_out"].append(round(_share(table, _end(table, row), best_epoch=False), 6))
            out["drawn"].append(round(curves.rows_seen / len(table.usable), 3))
        if event["e"] == "trial":
            configs[event["id"]] = event["config"]
            trials += 1
        elif event["e"] == "result" and event["value"] < lowest:
            lowest, holder = event["value"], event["id"]
    return {**out, "trials": trials}


def logged(
    table: Table, variant: Variant, seed: int, setting: Setting, curves: TableCurves, modelled: bool
) -> Iterator[dict[str, Any]]:
    """The log of one run."""
    if not modelled:
        yield from events(table, variant, seed, setting, curves)
        return
    plan = Plan(space=table.space, epochs=table.epochs, seed=seed, workers=WORKERS)
    with contextlib.ExitStack() as open_:
        port = None
        if variant.entry.searcher == "dragonfly":  # asked as in a run, and waited for
            port = DragonflyProcess(plan.space, seed, wait=True)
            open_.callback(port.close)
        strategy = build(variant.spec, plan, searcher(variant.spec, plan, port=port))
        yield from simulate(
            strategy, curves, workers=WORKERS, time_s=setting.time_s, delays=Delays(), epochs=table.epochs
        )


def _end(table: Table, row: int | None) -> float:
    value = np.nan if row is None else table.values[row, -1]
    return float(value) if np.isfinite(value) else float(np.nanmax(table.values[table.usable, -1]))


def _share(table: Table, value: float, *, best_epoch: bool) -> float:
    values = table.values[table.usable]
    ends = values[:, -1][np.isfinite(values[:, -1])]
    low = np.nanmin(values) if best_epoch else ends.min()
    worst = float(np.nanmax(values)) if best_epoch else float(ends.max())
    return float((min(value, worst) - low) / (np.median(ends) - low))


# --- what is shown -------------------------------------------------------------------------------------------------------


def lines_of(path: Path) -> pd.DataFrame:
    """A row for each task, seed, strategy and number of trainings."""
    rows = []
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        for (label, found), (k, n) in product(line["found"].items(), enumerate(looks(line["modelled"]))):
            rows.append({
                "family": line["family"], "task": line["task"], "seed": line["seed"], "modelled": line["modelled"], "strategy": label,
                "trainings": n, "regret": found["regret"][k], "trained_out": found["trained_out"][k], "drawn": found["drawn"][k],
                "trials": found["trials"],
            })  # fmt: skip
    return pd.DataFrame(rows)


def show(data: pd.DataFrame) -> None:
    """Two tables: over all tasks, and the median by family."""
    tasks, at = data.groupby(["family", "task"]).ngroups, sorted(data["trainings"].unique())
    print(f"\n{tasks} tasks, {data['seed'].nunique()} seeds, {WORKERS} workers")
    print("\n| strategy | tasks | regret over that of `asha` in the median task, at " + ", ".join(map(str, at))
          + " full trainings | the same, trained out | mean rank at " + ", ".join(map(str, at)) + " | trials |\n|---|---|---|---|---|---|")  # fmt: skip
    means = data.groupby(["family", "task", "strategy", "trainings"])[["regret", "trained_out"]].mean()
    ranks = ranked(data)
    beats = []
    for label in sorted(data["strategy"].unique(), key=lambda s: ranks.get((s, at[0]), [np.inf])[0]):
        cells = [
            [ratio(means[column].unstack("strategy"), label, n) for n in at] for column in ("regret", "trained_out")
        ]
        places = [ranks.get((label, n)) for n in at]
        shown = ", ".join(f"{p[0]:.1f} ± {p[1]:.1f}" if p is not None else "–" for p in places)
        own = data[data["strategy"] == label]
        print(f"| `{label}` | {own.groupby(['family', 'task']).ngroups} | {_cell(cells[0])} | {_cell(cells[1])} | {shown} | {own['trials'].mean():.0f} |")  # fmt: skip
        if label != "asha" and all(middle <= RULE for middle, _, _ in cells[0]):
            beats.append(label)
    print(
        f"\nregret at most {RULE} of `asha`'s in the median task, at every number of trainings: {', '.join(beats) or 'none'}"
    )
    drawn = data[data["strategy"] == "asha"].groupby(["family", "trainings"])["drawn"].mean().unstack("trainings")
    print("share of the record that `asha` had drawn: " + "; ".join(f"{f} {', '.join(f'{v:.0%}' for v in row)}" for f, row in zip(drawn.index, drawn.to_numpy(), strict=True)))  # fmt: skip
    print("\n| strategy | " + " | ".join(f"{f}: regret at {', '.join(map(str, at))}" for f in drawn.index) + " |\n|---" * 1
          + "|---" * len(drawn.index) + "|")  # fmt: skip
    by_family = means["regret"].groupby(["family", "strategy", "trainings"]).mean()
    for label in sorted(data["strategy"].unique()):
        cells_ = [
            ", ".join(f"{by_family.get((f, label, n), np.nan):.3f}" for n in at)
            if (f, label, at[0]) in by_family.index
            else "–"
            for f in drawn.index
        ]
        print(f"| `{label}` | {' | '.join(cells_)} |")


def _cell(ratios: list[tuple[float, float, float]]) -> str:
    return ", ".join(f"{m:.2f} [{low:.2f}, {high:.2f}]" for m, low, high in ratios)


def ratio(means: pd.DataFrame, label: str, trainings: int) -> tuple[float, float, float]:
    """Median over tasks of the mean regret over that of ``asha``, with a 95 % interval by resampling tasks; both at zero count as equal."""
    at = means.xs(trainings, level="trainings")[[label, "asha"]].dropna() if label != "asha" else None
    if at is None:
        return 1.0, 1.0, 1.0
    ours, theirs = at[label].to_numpy(), at["asha"].to_numpy()
    ratios = np.where(theirs > 0, ours / np.where(theirs > 0, theirs, 1.0), np.where(ours > 0, np.inf, 1.0))
    drawn = keyed_rng(0, "default", label, trainings).integers(len(ratios), size=(2000, len(ratios)))
    low, high = np.quantile(np.median(ratios[drawn], axis=1), [0.025, 0.975], method="nearest")
    return float(np.median(ratios)), float(low), float(high)


def ranked(data: pd.DataFrame) -> dict[tuple[str, int], tuple[float, float]]:
    """Mean rank over tasks of the regret, 1 the best, and half its 95 % interval; strategies that every task has."""
    wide = data.pivot_table(index=["family", "task", "seed", "trainings"], columns="strategy", values="regret").dropna(
        axis=1
    )
    ranks = wide.rank(axis=1).groupby(["family", "task", "trainings"]).mean()
    out = {}
    for label, n in product(ranks.columns, sorted(data["trainings"].unique())):
        mean = mean_of(ranks[label].xs(n, level="trainings").to_numpy())
        out[str(label), n] = (mean.value, (mean.high - mean.low) / 2)
    return out


def main() -> None:
    """Run what is missing, then show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--every", type=int, default=1, help="take every so many-th task")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--modelled", action="store_true")
    parser.add_argument("--strategies", help="these instead of the usual ones")
    parser.add_argument("--show", action="store_true", help="run nothing")
    options = parser.parse_args()
    known = set()
    if options.out.is_file():
        lines = map(json.loads, options.out.read_text(encoding="utf-8").splitlines())
        known = {(x["task"], x["seed"], x["strategy"], x["modelled"]) for x in lines}
    some = records(options.tables)[:: options.every]
    labels = options.strategies.split(",") if options.strategies else MODELLED if options.modelled else DRAWN
    jobs: list[Job] = [
        (*record, seed, label, options.modelled) for seed in range(options.seeds) for record in some for label in labels
    ]
    jobs = [] if options.show else [j for j in jobs if (j[1], *j[3:]) not in known]
    with ProcessPoolExecutor(options.processes) as pool, options.out.open("a", encoding="utf-8") as out:
        pending = [pool.submit(one, job) for job in jobs]
        try:
            for n, done in enumerate(as_completed(pending), 1):
                line = done.result()
                out.write(json.dumps(line) + "\n")
                out.flush()
                where = f"{line['family']} {line['task']}, {line['strategy']}, seed {line['seed']}"
                print(f"{n} of {len(jobs)}: {where}", flush=True)
        finally:
            pool.shutdown(cancel_futures=True)
    data = lines_of(options.out)
    asked = data["task"].isin([task for _, task, _ in some]) & data["strategy"].isin(labels)
    show(data[asked & (data["modelled"] == options.modelled) & (data["seed"] < options.seeds)])


if __name__ == "__main__":
    main()
