"""Keep a finished comparison in the repository: ``python benchmarks/keep.py results/study-both studies/recorded/study-both``.

Copies what the statistics and figures are made of (plan, conditions, and each run's study, summary and tables) and leaves
out event logs, weights and checkpoints. ``perch compare studies/recorded/study-both`` judges the copy; copied to
``results/``, it is extended by more blocks.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import yaml

RUN_FILES = ("study.yaml", "summary.json", "curves.parquet", "trials.parquet", "overheads.parquet")


def keep(comparison: Path, into: Path) -> int:
    """Copy the comparison; returns the number of runs. Runs that have not ended are left out."""
    into.mkdir(parents=True, exist_ok=True)
    shutil.copy(comparison / "plan.json", into)
    _study(comparison / "study.yaml", into / "study.yaml")
    shutil.copytree(comparison / "conditions", into / "conditions", dirs_exist_ok=True)
    ended = sorted(path.stem for path in (comparison / "conditions").glob("*.json"))
    for label in ended:
        target = into / "runs" / label
        target.mkdir(parents=True, exist_ok=True)
        for name in RUN_FILES:
            source = comparison / "runs" / label / name
            _study(source, target / name) if name == "study.yaml" else shutil.copy(source, target / name)
    return len(ended)


def _study(source: Path, target: Path) -> None:
    """The study without the folder that it lay in on the machine that ran it."""
    study = yaml.safe_load(source.read_text(encoding="utf-8"))
    target.write_text(yaml.safe_dump({**study, "base": "."}, sort_keys=False), encoding="utf-8")


def main() -> None:
    """Keep what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comparison", type=Path)
    parser.add_argument("into", type=Path)
    options = parser.parse_args()
    print(f"{keep(options.comparison, options.into)} runs kept in {options.into}")


if __name__ == "__main__":
    main()
