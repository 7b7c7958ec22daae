"""How long people wait: for the help page, for a bad study to be refused, for the first epoch and the end of a short run, all warm.

    python benchmarks/startup.py [--repeats 5]

Medians of whole processes. The first epoch counts from the start of the command to the log's first result.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from command import PERCH

from perch.log.events import read


def seconds(command: list[str], expected: int) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == expected, done.stderr.decode()
    return time.perf_counter() - began


def short_run(out: Path, name: str) -> tuple[float, float]:
    """Seconds from the start of the command to its first epoch, and to its end: a trial of two epochs, its models and its report."""
    began = time.time()
    done = subprocess.run(
        [
            *PERCH,
            "run",
            "--out",
            str(out),
            "--run-id",
            name,
            "--trials",
            "1",
            "--set",
            "epochs=2",
            "--set",
            "confirm.top=0",
        ],
        capture_output=True,
        check=False,
    )
    ended = time.time()
    assert done.returncode == 0, done.stderr.decode()
    events = list(read(out / name / "events"))
    attempt = events[0]
    result = next(e for e in events if e["e"] == "result")
    return attempt["unix_s"] - attempt["used_s"] + result["used_s"] - began, ended - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        bad = base / "bad.yaml"
        bad.write_text("stragegy: asha\n")
        short_run(base, "warm-up")
        first, whole = zip(*(short_run(base, f"r{n}") for n in range(repeats)), strict=True)
        rows = {
            "perch --help": [seconds([*PERCH, "--help"], 0) for _ in range(repeats)],
            "a bad study refused": [seconds([*PERCH, "run", str(bad)], 2) for _ in range(repeats)],
            "first epoch reported": first,
            "a run of one trial of two epochs, to its end": whole,
        }
    for name, values in rows.items():
        print(
            json.dumps({"what": name, "median_s": round(statistics.median(values), 2), "max_s": round(max(values), 2)})
        )
    print(json.dumps({"cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
