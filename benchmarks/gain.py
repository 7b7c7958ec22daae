"""What tuning was worth, over seeds: the winner's test error beside the starting point's, both over fresh seeds.

    python benchmarks/gain.py OUT [STUDY] [--seeds 10] [--metric test_mae_ev] [-- OPTIONS OF perch run]

One `perch run` after the other, seeds 0, 1, 2, …; without a study the main job. A run that is there already is only read, and one that
was broken off goes on. Prints a Markdown row for each seed and what follows from all of them: in how many the winner is better by 10 %
or more, in how many it is better at all, and the median of the ratios. The figures are those of `summary.json`: `winner` and `start_point`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from command import PERCH

ENOUGH = 0.9
"""The winner's error over the starting point's that counts as a gain: better by 10 %."""


def summary(out: Path, study: list[str], seed: int, options: list[str]) -> dict[str, Any]:
    """The summary of the run of a seed; the run is done where it has not been."""
    name = f"seed-{seed}"
    words = [*PERCH, "run", *study, "--out", str(out), "--run-id", name, "--seed", str(seed), *options]
    path = out / name / "summary.json"
    if not path.is_file() or json.loads(path.read_text())["status"] != "done":
        with (out / f"{name}.log").open("w") as log:
            subprocess.run(words, check=True, stdout=log, stderr=log)
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def row(seed: int, found: dict[str, Any], metric: str) -> tuple[str, float]:
    """A line of the table, and the winner's value over the starting point's."""
    winner, start = found["winner"], found["start_point"]
    was, now = _number(start, metric), _number(winner, metric)
    line = f"| {seed} | {found['trials']} | {was:.3f} ({start['seeds']}) | {now:.3f} ({winner['seeds']}) | {now / was:.2f} |"
    return line, now / was


def _number(entry: dict[str, Any], metric: str) -> float:
    """A number of the winner or of the starting point, the study's own metric or another that was reported."""
    return float(entry[metric] if entry.get(metric) is not None else entry["metrics"][metric])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("study", nargs="*")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--metric", default="test_mae_ev")
    ours, options = (sys.argv[1:], []) if "--" not in sys.argv else _parted(sys.argv[1:])
    a = parser.parse_args(ours)
    a.out.mkdir(parents=True, exist_ok=True)
    print(f"| seed | trials | starting point, {a.metric} (fresh seeds) | winner | ratio |\n|---|---|---|---|---|")
    ratios = []
    for seed in range(a.seeds):
        line, ratio = row(seed, summary(a.out, a.study, seed, options), a.metric)
        ratios.append(ratio)
        print(line, flush=True)
    print(
        f"\nbetter by 10 % or more in {sum(r <= ENOUGH for r in ratios)} of {len(ratios)}, better in {sum(r < 1 for r in ratios)}; "
        f"median ratio {median(ratios):.2f}; {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}"
    )


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    cut = words.index("--")
    return words[:cut], words[cut + 1 :]


if __name__ == "__main__":
    main()
