"""Do the intervals of a comparison hold what they promise? ``python benchmarks/coverage.py [--comparisons 2000]``

For 10, 20 and 30 blocks and 0, 30 and 60 % of censored runs: how often the interval (or the bound) held the truth, for a
plain percentile bootstrap beside it; how often equal strategies are told apart after two looks; and the seconds that the
statistics of five strategies with fifty seeds take.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

import numpy as np
from tests.unit.compare.synthetic import Truth, coverage, draw

from perch.compare.statistics.analysis import analyse
from perch.compare.statistics.hits import Blocks

SIZES, CENSORED, SPEEDS = (10, 20, 30), (0.0, 0.3, 0.6), (1.0, 2.0, 5.0)


def coverage_table(comparisons: int) -> list[dict[str, float]]:
    """Coverage in every cell."""
    rows = []
    print(
        f"{'speed':>6} {'censored':>9} {'blocks':>7} {'intervals':>10} {'covered':>8} {'bounds':>7} {'held':>7} {'both':>7}"
    )
    for speed in SPEEDS:
        for censored in CENSORED:
            for n in SIZES:
                found = coverage(Truth(speed, censored), n, comparisons)
                covered = found.covered / found.intervals if found.intervals else float("nan")
                held = found.held / found.bounds if found.bounds else float("nan")
                print(
                    f"{speed:6.1f} {censored:9.0%} {n:7d} {found.intervals:10d} {covered:8.1%} {found.bounds:7d}"
                    f" {held:7.1%} {found.share:7.1%}", flush=True,
                )  # fmt: skip
                rows.append(
                    {"speed": speed, "censored": censored, "blocks": n, "intervals": found.intervals,
                     "bounds": found.bounds, "share": found.share}
                )  # fmt: skip
    return rows


def false_verdicts(comparisons: int, n: int = 20) -> float:
    """Share of comparisons of equal strategies in which a verdict falls at any of three targets, after both looks."""
    rng = np.random.default_rng(1)
    wrong = 0
    for i in range(comparisons):
        found = analyse(draw(Truth(1.0), n, rng), seed=i, resamples=50, curve=False)
        wrong += any(c.verdict.says in ("faster", "slower") for c in found.contrasts)
    return wrong / comparisons


def seconds_of_a_large_one() -> float:
    """Five strategies with fifty seeds, everything that `perch compare` computes."""
    rng = np.random.default_rng(2)
    pairs = [draw(Truth(speed), 50, rng) for speed in (1.5, 2.0, 3.0, 5.0)]
    runs = {"rs": pairs[0].runs["rs"], **{f"s{i}": pair.runs["asha"] for i, pair in enumerate(pairs)}}
    start = time.perf_counter()
    analyse(Blocks(runs, pairs[0].budget_s), planned=50)
    return time.perf_counter() - start


def main() -> None:
    """Print the tables, and write them as JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=2000, help="synthetic comparisons per cell")
    parser.add_argument("--json", help="write the numbers here")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}")
    large = seconds_of_a_large_one()
    print(f"statistics of 5 strategies x 50 seeds: {large:.2f} s")
    rows = coverage_table(options.comparisons)
    lowest = min(row["share"] for row in rows)
    wrong = false_verdicts(max(50, options.comparisons // 10))
    print(f"lowest coverage of any cell: {lowest:.1%}; equal strategies told apart in {wrong:.1%} of comparisons")
    if options.json:
        with Path(options.json).open("w", encoding="utf-8") as out:
            json.dump({"large_s": large, "coverage": rows, "false_verdicts": wrong}, out, indent=1)


if __name__ == "__main__":
    main()
