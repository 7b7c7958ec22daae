"""Each strategy really run: embedded structures and, where its database is given, the CMR adsorption benchmark.

    python benchmarks/real.py --out results/real [--cmr cmr_adsorption.db] [--strategies asha-bo,pbt,asha-promote] [--time 3m]

A run that is there already is only read. Prints the table of docs/strategies.md: what each found, beside the baselines.
These are single runs: they show that a strategy works, not which one is better (`perch compare` does).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from command import PERCH

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ROOT / "studies"


def arguments(strategy: str, cmr: Path | None) -> list[str]:
    """What `perch run` is given: PBT needs a space without architecture, and its population's study has one."""
    if cmr is None:
        return [str(STUDIES / "pbt-two-cores.yaml")] if strategy == "pbt" else ["--strategy", strategy]
    if strategy == "pbt":
        data = {"source": "ase-db", "path": str(cmr.absolute()), "target": "RPBE_adsorp"}
        split = {"train": 0.7, "validation": 0.15, "test": 0.15, "group": "surf_mat"}
        return [
            str(STUDIES / "pbt-two-cores.yaml"),
            *("--set", f"data={json.dumps({**data, 'split': split})}", "--set", "space.pooling=mean"),
        ]
    return [str(STUDIES / "cmr-two-cores.yaml"), "--set", f"data.path={cmr.absolute()}", "--strategy", strategy]


def run(strategy: str, cmr: Path | None, time: str, out: Path) -> dict[str, Any]:
    """Run one strategy on one data set; its summary and what its log tells of exploits and of who suggested what."""
    name = f"{strategy}-{'cmr' if cmr else 'embedded'}"
    words = ["run", *arguments(strategy, cmr), "--time-budget", time, "--out", str(out), "--run-id", name]
    subprocess.run([*PERCH, *words], check=True)
    summary: dict[str, Any] = json.loads((out / name / "summary.json").read_text())
    events = [json.loads(line) for path in sorted((out / name / "events").glob("*.jsonl")) for line in path.open()]
    by = [event["by"] for event in events if event["e"] == "trial" and event.get("phase", "search") == "search"]
    return {**summary, "exploits": sum("x" in e for e in events), "by": {who: by.count(who) for who in sorted(set(by))}}


def row(summary: dict[str, Any], data: str) -> str:
    """One line of the table."""
    best, again = summary["best"], summary["best"]["confirmed"]
    fresh = f"{again['validation_mae_ev']:.3f} / {again['test_mae_ev']:.3f}" if again else "–"
    notes = [f"{count} {who}" for who, count in summary["by"].items()]
    if summary["exploits"]:
        notes = [f"{summary['exploits']} exploits"]
    ridge = f"{summary['baselines']['ridge_composition']:.3f} / {summary['baselines_test']['ridge_composition']:.3f}"
    return (
        f"| `{summary['strategy']}` | {data} | {summary['trials']} | {', '.join(notes)} | {summary['failed']} "
        f"| {best['validation_mae_ev']:.3f} / {best['test_mae_ev']:.3f} | {fresh} | {ridge} |"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run, then print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "real")
    parser.add_argument("--cmr", type=Path)
    parser.add_argument("--strategies", default="asha-bo,asha-promote,pbt")
    parser.add_argument("--time", default="3m")
    options = parser.parse_args(argv)
    lines = [
        row(run(strategy, cmr, options.time, options.out), "CMR" if cmr else "embedded")
        for cmr in ([None, options.cmr] if options.cmr else [None])
        for strategy in options.strategies.split(",")
    ]
    print(f"\n{date.today()}, {os.cpu_count()} cores, {options.time} of search a run. Validation / test MAE in eV.\n")
    print("| strategy | data | trials | by | failed | best trial | its configuration with fresh seeds | ridge |")
    print("|---|---|---|---|---|---|---|---|", *lines, sep="\n")


if __name__ == "__main__":
    main()
