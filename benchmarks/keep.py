"""Keep a finished comparison in the repository: ``python benchmarks/keep.py results/study-both studies/recorded/study-both``.

Copies what the statistics and figures are made of (plan, conditions, and each run's study, summary and tables) and leaves
out event logs, weights and checkpoints. ``perch compare studies/recorded/study-both`` judges the copy; copied to
``results/``, it is extended by more blocks.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from perch.compare.runs.drive import condition_of, runs_folder
from perch.compare.runs.plan import load_plan, save
from perch.log.folder import RunFolder
from perch.log.study_file import load_study
from perch.study import Study, dump

TABLES = ("summary.json", "curves.parquet", "trials.parquet", "overheads.parquet")


def keep(comparison: Path, into: Path) -> int:
    """Copy the comparison; returns the number of runs. Runs that have not ended are left out."""
    plan = load_plan(comparison)
    ended = [job.label for job in plan.jobs() if condition_of(comparison, job) is not None]
    save(replace(plan, study=_anywhere(plan.study)), into)
    shutil.copytree(comparison / "conditions", into / "conditions", dirs_exist_ok=True)
    for label in ended:
        source, target = runs_folder(comparison) / label, runs_folder(into) / label
        target.mkdir(parents=True, exist_ok=True)
        (target / "study.yaml").write_text(dump(_anywhere(load_study(RunFolder(source)))), encoding="utf-8")
        for name in TABLES:
            shutil.copy(source / name, target / name)
    return len(ended)


def _anywhere(study: Study) -> Study:
    """The study without the folders of the machine that ran it: its own, and that of a data set that was brought."""
    data = study.data
    if data.path is not None and "://" not in data.path:
        data = data.model_copy(update={"path": Path(data.path).name})
    return study.model_copy(update={"base": ".", "data": data})


def main() -> None:
    """Keep what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comparison", type=Path)
    parser.add_argument("into", type=Path)
    options = parser.parse_args()
    print(f"{keep(options.comparison, options.into)} runs kept in {options.into}")


if __name__ == "__main__":
    main()
