"""What insurance checkpoints cost on the embedded study: the share of worker seconds that goes into saving.

    python benchmarks/insurance.py [--trials 12] [--epochs 9] [--strategy asha] [--insure off 10m 2s]

One run for each setting of ``checkpoints: {insure: …}``, one after the other on this machine: `off`, ten minutes (the longest
that a trial is unsaved unless a study says otherwise), and two seconds, which no study needs, to see what a save costs at all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from command import PERCH

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record import load


def row(folder: Path, insure: str) -> dict[str, object]:
    """The figures of one run, from its record."""
    run = load(folder)
    seconds = run.overheads.set_index("activity").seconds
    saves = sum(event["e"] == "checkpoint" for event in read(RunFolder(folder).events))
    epochs = len(run.curves)
    return {
        "insure": insure,
        "trials": run.summary["trials"],
        "epochs": epochs,
        "worker_s": round(float(seconds.sum()), 1),
        "epoch_s": round(float(seconds["training"] + seconds["evaluating"]) / epochs, 3),
        "saves": saves,
        "saving_s": round(float(seconds["checkpointing"]), 3),
        "saving_share": round(float(seconds["checkpointing"] / seconds.sum()), 5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, help="most of a trial; default: what the study says")
    parser.add_argument("--strategy", default="asha", help="the study's own is asha; rs trains every trial to the end")
    parser.add_argument("--insure", nargs="+", default=["off", "10m", "2s"])
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for insure in a.insure:
            settings = [f"--set=checkpoints={{insure: {insure}}}", "--set=confirm.top=0", "--set=budget.time=2h"]
            settings += [f"--set=epochs={a.epochs}"] if a.epochs is not None else []
            where = ["--out", scratch, "--run-id", insure]
            command = [*PERCH, "run", "--trials", str(a.trials), "--strategy", a.strategy, *settings, *where]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
                sys.exit(1)
            print(json.dumps(row(Path(scratch) / insure, insure)), flush=True)
    print(json.dumps({"cores": len(os.sched_getaffinity(0)), "load": [round(n, 1) for n in os.getloadavg()]}))


if __name__ == "__main__":
    main()
