"""Rehearsed against real, over the recorded studies: ``python benchmarks/calibration.py [--seeds 100] [--records 100] [--figure FILE]``.

For each recorded comparison that holds random search: its strategies are rehearsed on the full curves of ``rs``, with the
recorded workers, seconds and delays, and set beside their ten real runs. The runs of ``rs`` are on both sides, those of the
others are not. Then every recorded result is judged again in its recorded order. Both cores are used.

``--records``: as many records are drawn anew, each with as many curves from those of the record (a bootstrap), and rehearsed with three seeds: how far the
numbers of trials are the record's own chance.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from perch.rehearse.calibration import Calibration, calibration, parity, real_runs
from perch.rehearse.many import rehearse_all
from perch.rehearse.run import Setting
from perch.rehearse.tables.reader import read
from perch.rehearse.tables.table import Table
from perch.rehearse.variants import variants
from perch.report.style import BLUE, GREY, ORANGE, canvas, plain_log, styled
from perch.space import keyed_rng

RECORDED = Path(__file__).parents[1] / "studies" / "recorded"
STUDIES = ("study-both", "study-cmr")
STRATEGIES = ("rs", "asha", "ahb")
COLOURS = {"rs": GREY, "asha": ORANGE, "ahb": BLUE}


def recorded(study: str) -> tuple[Table, Setting]:
    """A study's full curves, and the workers, seconds and delays that it had."""
    table = read([str(RECORDED / study)])
    assert table.recorded.workers is not None and table.recorded.time_s is not None
    return table, Setting(table.recorded.workers, table.recorded.time_s, table.recorded.delays)


def of(study: str, seeds: int) -> list[Calibration]:
    """All strategies of one study."""
    table, setting = recorded(study)
    runs = rehearse_all(table, variants(STRATEGIES), range(seeds), setting)
    return [calibration(s, real_runs(RECORDED / study, s), runs[s], setting.time_s) for s in STRATEGIES]


def drawn_anew(table: Table, number: int) -> Table:
    """As many curves, drawn from its own with replacement."""
    rows = keyed_rng(0, "calibration", number).choice(table.usable, len(table.usable))
    arrays: dict[str, Any] = {
        k: None if (a := getattr(table, k)) is None else a[rows] for k in ("seconds", "tests", "training")
    }
    fates = tuple(table.fates[r] for r in rows)
    return replace(
        table, config_of=table.config_of[rows], values=table.values[rows], weights=table.weights[rows], fates=fates, **arrays
    )  # fmt: skip


def chance(study: str, records: int) -> None:
    """Trials of each strategy on records drawn anew: mean, and the middle 95 % of the records."""
    table, setting = recorded(study)
    trials: dict[str, list[float]] = {s: [] for s in STRATEGIES}
    for number in range(records):
        runs = rehearse_all(drawn_anew(table, number), variants(STRATEGIES), range(3), setting)
        for strategy in STRATEGIES:
            trials[strategy].append(float(np.mean([run.trials for run in runs[strategy]])))
    for strategy, found in trials.items():
        low, high = np.quantile(found, [0.025, 0.975])
        print(f"| {study} | `{strategy}` | {records} | {np.mean(found):.4g} [{low:.4g}, {high:.4g}] |")


def draw(found: dict[str, list[Calibration]], file: Path) -> None:
    """Rehearsed over real, trials on the left, values at the end on the right; the line is equality."""
    with styled("calibration"):
        figure, panels = canvas(8.4, 3.8, ncols=2)
        for axes, key, label in zip(
            panels, ("trials", "value at 1 B"), ("trials a run", "lowest validation MAE (eV)"), strict=True
        ):
            for study, marker in zip(found, "os", strict=True):
                for c in found[study]:
                    x, y = c.real[key], c.rehearsed[key]
                    axes.errorbar(
                        x.value, y.value, xerr=[[x.value - x.low], [x.high - x.value]], yerr=[[y.value - y.low], [y.high - y.value]],
                        fmt=marker, color=COLOURS[c.strategy], label=f"{c.strategy}, {study}", ms=6, capsize=2,
                    )  # fmt: skip
            axes.axline((1, 1), (2, 2), color="#8b929b", lw=1)
            axes.set(xlabel=f"real: {label}", ylabel=f"rehearsed: {label}")
        panels[0].set(xscale="log", yscale="log", xlim=(20, 2000), ylim=(20, 2000))
        for axis in (panels[0].xaxis, panels[0].yaxis):
            plain_log(axis)
        panels[1].set(xlim=(0.22, 0.6), ylim=(0.22, 0.6))
        panels[0].legend(fontsize=8)
        figure.savefig(file, facecolor="white")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--records", type=int, default=0)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    began = time.perf_counter()
    found = {study: of(study, options.seeds) for study in STUDIES}
    for study, rows in found.items():
        keys = list(rows[0].real)
        print(f"\n### {study}: {rows[0].real_runs} real runs, {options.seeds} rehearsed\n")
        print(f"| strategy | | {' | '.join(keys)} |\n|---|---|{'---|' * len(keys)}")
        for c in rows:
            for name, means in (("real", c.real), ("rehearsed", c.rehearsed)):
                cells = [f"{m.value:.4g} [{m.low:.4g}, {m.high:.4g}]" for m in means.values()]
                print(f"| `{c.strategy}` | {name} | {' | '.join(cells)} |")
        ratios = [np.array([c.rehearsed[k].value / c.real[k].value for c in rows]) for k in ("trials", "value at 1 B")]
        print(f"\nRehearsed over real: trials {np.round(ratios[0], 3)}, value at the end {np.round(ratios[1], 3)}.")
    if options.figure:
        draw(found, options.figure)
    print(
        "\n### Decisions on the recorded order of results\n\n| study | strategy | runs | decisions | differing |\n|---|---|---|---|---|"
    )
    for study in STUDIES:
        for strategy in STRATEGIES:
            checked = [parity(run) for run in real_runs(RECORDED / study, strategy)]
            differing = sum(len(p.differing) for p in checked)
            print(f"| {study} | `{strategy}` | {len(checked)} | {sum(p.decisions for p in checked):,} | {differing} |")
    if options.records:
        print("\n### Records drawn anew\n\n| study | strategy | records | trials |\n|---|---|---|---|")
        for study in STUDIES:
            chance(study, options.records)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
