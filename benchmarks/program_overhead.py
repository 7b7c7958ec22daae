"""Seconds between two trials of a program, without its own start-up: ``python benchmarks/program_overhead.py [TRIALS]``.

Tunes the stand-in program of the tests with one worker and one epoch a trial, and takes from the time between two results
what the program itself took: its start-up and its epoch.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

from perch.api.running import run
from perch.study import parse

STANDIN = Path(__file__).parents[1] / "tests" / "programs" / "standin.py"


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "template.json").write_text(json.dumps({"lr": 0.1, "seed": 0, "epochs": 9}))
        study = parse({
            "name": "overhead", "base": str(folder), "metric": "loss", "epochs": 1, "strategy": "rs", "budget": {"trials": trials},
            "confirm": {"top": 0}, "log": [], "space": {"lr": {"float": [0.01, 1.0]}},
            "trainable": {
                "command": [sys.executable, str(STANDIN), "{config}"], "template": "template.json",
                "overwrite": {"seed": "{seed}", "epochs": "{epochs}"}, "keys": {"loss": "loss"},
                "metrics": {"files": "results.txt", "format": "jsonl", "where": {"mode": "eval"}},
            },
        })  # fmt: skip
        curves = run(study, out=folder / "out", cpus=1).curves.sort_values("time_s")
    between = curves.time_s.diff().to_numpy()[1:]
    own = (curves.startup_s + curves.epoch_s).to_numpy()[1:]
    overhead = sorted(between - own)
    print(
        f"{trials} trials: between two results {statistics.median(between):.2f} s, of which the program {statistics.median(own):.2f} s; "
        f"Perch {statistics.median(overhead):.2f} s (largest {overhead[-1]:.2f} s)"
    )


if __name__ == "__main__":
    main()
