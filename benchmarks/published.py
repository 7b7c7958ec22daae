"""The published studies at their real scale, on public curves: ``python benchmarks/published.py TABLES [--seeds 20] [--out DIR]``.

32 workers for 8 hours, as the published study 1 had; LCBench's and TaskSet's curves, with epochs of five minutes in the mean,
so that random search trains about sixty configurations to the end and no strategy sees the whole table twice. Per task:
trials of ``asha`` over those of ``rs`` and ``ahb``, and how many times sooner ``asha`` and ``ahb`` reach what ``rs`` has in the
median at the end. ``--scaling TASK``: hours to that target with 1 to 1,000 workers. ``TABLES``: the folder that holds
``taskset_valid.npz`` and ``lcbench_surrogate.npz``. Both cores are used.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from perch.compare.statistics.early import weighted_spearman
from perch.compare.statistics.hits import Blocks
from perch.compare.statistics.interval import ratio
from perch.rehearse.many import rehearse_all
from perch.rehearse.run import Rehearsed, Setting
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.readers.lcbench import tasks as lcbench_tasks
from perch.rehearse.tables.readers.taskset import tasks as taskset_tasks
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import variants
from perch.report.style import BLUE, GREY, ORANGE, canvas, styled
from perch.simulate import Delays

STRATEGIES = ("rs", "ahb", "asha")
WORKERS, TIME_S, EPOCH_S = 32, 8 * 3600.0, 300.0
COUNTS = (1, 4, 16, 64, 256, 1000)
COLOURS = {"rs": GREY, "asha": ORANGE, "ahb": BLUE}


def median_at_end(runs: list[Rehearsed], time_s: float) -> float:
    """What the runs have in the median at the end: the target."""
    return float(np.median([r.incumbent.at(time_s) for r in runs]))


def sooner(runs: dict[str, list[Rehearsed]], strategy: str, time_s: float) -> float:
    """Ratio of average runtimes to the reference's median at the end; NaN where half of the runs miss it."""
    target = median_at_end(runs["rs"], time_s)
    blocks = Blocks({s: [r.incumbent for r in found] for s, found in runs.items()}, time_s)
    times = {s: np.array([[i.first_s(target) for i in blocks.runs[s]]], dtype=float) for s in ("rs", strategy)}
    found = ratio(times["rs"], times[strategy], time_s)
    return float("nan") if found.value is None else found.value


def one(name: str, source: str, table: Table, seeds: int) -> dict[str, object]:
    """A task's row."""
    setting = Setting(WORKERS, TIME_S, Delays())
    runs = rehearse_all(table, variants(STRATEGIES), range(seeds), setting)
    trials = {s: float(np.mean([r.trials for r in found])) for s, found in runs.items()}
    ends = {s: np.array([r.incumbent.best for r in found]) for s, found in runs.items()}
    values, weights = table.values[table.full], table.weights[table.full]
    reliability = {e: weighted_spearman(values[:, e - 1], values[:, -1], weights) for e in (1, 3, 9)}
    return {
        "source": source, "task": name, **{f"trials_{s}": trials[s] for s in STRATEGIES},
        "asha_over_rs": trials["asha"] / trials["rs"], "asha_over_ahb": trials["asha"] / trials["ahb"],
        "asha_sooner": sooner(runs, "asha", TIME_S), "ahb_sooner": sooner(runs, "ahb", TIME_S),
        "asha_ahead": float((ends["asha"] < ends["rs"]).mean() + 0.5 * (ends["asha"] == ends["rs"]).mean()),
        **{f"correlation_{rung}": value for rung, value in reliability.items()},
    }  # fmt: skip


def published(tables: Path, seeds: int, every: int) -> pd.DataFrame:
    """All tasks."""
    rows = []
    for source, file, names in (
        ("LCBench", tables / "lcbench_surrogate.npz", lcbench_tasks),
        ("TaskSet", tables / "taskset_valid.npz", taskset_tasks),
    ):
        for name in names(file)[:: every if source == "LCBench" else 1]:
            rows.append(one(name, source, read([f"{file}:{name}"]).lasting(EPOCH_S), seeds))
            print(f"{source} {name}: {rows[-1]['asha_sooner']:.2f}", flush=True)
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> None:
    """Medians and ranges over tasks, as Markdown."""
    print(
        "\n| | published | "
        + " | ".join(f"{s} ({len(g)} tasks)" for s, g in table.groupby("source"))
        + " |\n|---|---|---|---|"
    )
    asked = (
        ("trials of `asha` over `rs`", "> 8", "asha_over_rs"), ("trials of `asha` over `ahb`", "about 2", "asha_over_ahb"),
        ("`asha` sooner than `rs` by", "5 to 10", "asha_sooner"), ("`ahb` sooner than `rs` by", "", "ahb_sooner"),
        ("seeds in which `asha` is ahead of `rs` at the end", "", "asha_ahead"),
    )  # fmt: skip
    for label, there, key in asked:
        cells = [
            f"{g[key].median():.2f} ({g[key].min():.2f} to {g[key].max():.2f})" for _, g in table.groupby("source")
        ]
        print(f"| {label} | {there} | {' | '.join(cells)} |")
    for least in (2, 5, 10):
        cells = [f"{(g['asha_sooner'] >= least).sum()} of {len(g)}" for _, g in table.groupby("source")]
        print(f"| tasks where `asha` is at least {least} times sooner | | {' | '.join(cells)} |")
    missing = table["asha_sooner"].isna().sum()
    print(f"\nTasks without a ratio, since half of a strategy's runs missed the target: {missing} for asha.")
    known = table.dropna(subset=["asha_sooner"])
    for rung in (1, 3, 9):
        correlation = known[f"correlation_{rung}"].corr(np.log(known["asha_sooner"]), method="spearman")
        print(f"Rank correlation over tasks of the speed-up with the reliability of epoch {rung}: {correlation:.2f}.")


def scaling(tables: Path, task: str, seeds: int, out: Path) -> None:
    """Hours to the target with 1 to 1,000 workers: where adding stops helping."""
    table = read([f"{tables / 'lcbench_surrogate.npz'}:{task}"]).lasting(EPOCH_S)
    target = median_at_end(
        rehearse_all(table, variants(["rs"]), range(seeds), Setting(WORKERS, TIME_S, Delays()))["rs"], TIME_S
    )
    rows = []
    for workers in COUNTS:
        time_s = min(30 * TIME_S * WORKERS / workers, 12 * TIME_S) if workers < WORKERS else TIME_S
        runs = rehearse_all(table, variants(["rs", "asha"]), range(seeds), Setting(workers, time_s, Delays()))
        for strategy, found in runs.items():
            hours = np.array([float(r.incumbent.first_s(target)) for r in found]) / 3600
            low, middle, high = np.quantile(hours, [0.25, 0.5, 0.75], method="higher")
            rows.append({"strategy": strategy, "workers": workers, "hours": middle, "low": low, "high": high})
    data = pd.DataFrame(rows)
    print("\n| workers | " + " | ".join(f"`{s}`: hours" for s in ("rs", "asha")) + " |\n|---|---|---|")
    for workers in COUNTS:
        cells = [f"{r.hours:.2f} ({r.low:.2f} to {r.high:.2f})" for r in data[data["workers"] == workers].itertuples()]
        print(f"| {workers} | {' | '.join(cells)} |")
    print(f"\nOne full training takes {table.epochs * EPOCH_S / 3600:.2f} h in the mean.")
    with styled("scaling"):
        figure, axes = canvas()
        for strategy, group in data.groupby("strategy"):
            kept = group[np.isfinite(group["hours"])]
            axes.plot(kept["workers"], kept["hours"], color=COLOURS[str(strategy)], marker="o", label=strategy)
            band = kept[np.isfinite(kept["high"])]
            axes.fill_between(band["workers"], band["low"], band["high"], color=COLOURS[str(strategy)], alpha=0.18)
        axes.axhline(table.epochs * EPOCH_S / 3600, color="#8b929b", lw=1, ls=":")
        axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="hours to the target (dotted: one full training)")
        axes.legend()
        figure.savefig(out / "rehearsal-scaling.png", facecolor="white")


def draw(table: pd.DataFrame, out: Path) -> None:
    """Speed-up of every task over the reliability of its rung at epoch 9."""
    with styled("published"):
        figure, axes = canvas()
        for source, marker, colour in (("LCBench", "o", BLUE), ("TaskSet", "s", ORANGE)):
            rows = table[table["source"] == source].dropna(subset=["asha_sooner"])
            axes.plot(
                rows["correlation_9"], rows["asha_sooner"], marker, color=colour, label=f"{source}, a point per task"
            )
        axes.axhspan(5, 10, color=GREY, alpha=0.2, lw=0, label="published: 5 to 10")
        axes.axhline(1, color="#8b929b", lw=1)
        axes.set(yscale="log", xlabel="rank correlation of epoch 9 with the last", ylabel="asha sooner than rs by")
        axes.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
        axes.minorticks_off()
        axes.legend()
        figure.savefig(out / "rehearsal-published.png", facecolor="white")


def main() -> None:
    """Print tables; with --out, draw figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--every", type=int, default=1, help="take every so many-th of LCBench's 27 tasks")
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    parser.add_argument("--scaling", metavar="TASK")
    options = parser.parse_args()
    began = time.perf_counter()
    if options.scaling:
        scaling(options.tables, options.scaling, options.seeds, options.out)
    else:
        table = published(options.tables, options.seeds, options.every)
        summary(table)
        draw(table, options.out)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
