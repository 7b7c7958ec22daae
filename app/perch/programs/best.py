"""``best/`` of a run that tunes a program: the winner's checkpoint, configuration, log and what else its preset names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any


def write_best(trials: Path, best: Path, summary: Path, *, checkpoints: bool) -> list[str]:
    """Copy what the winner kept of its best epoch; returns what could not be had, in words.

    ``trials``: the folders of the run's trials. ``checkpoints``: whether the program leaves any. ``config.json`` holds the
    hyperparameters.
    """
    about_run: dict[str, Any] = json.loads(summary.read_text())
    winner: dict[str, Any] | None = about_run.get("best")
    if winner is None:
        return []
    trial = str(winner["trial_id"])
    sign = -1.0 if about_run.get("mode") == "max" else 1.0
    kept = sorted(
        (p for p in trials.glob(f"{trial}*/best/about.json") if _is_of(p, trial)),
        key=lambda p: sign * float(json.loads(p.read_text())["value"]),
    )
    best.mkdir(parents=True, exist_ok=True)
    (best / "config.json").write_text(json.dumps(winner["config"], indent=1))
    if not kept:
        return [
            f"the model of trial {trial} was not kept: it was never among the best while it trained; a run with its configuration as the first point trains it anew"
        ]
    shutil.copytree(kept[0].parent, best, dirs_exist_ok=True)
    about = json.loads(kept[0].read_text())
    problems = []
    if about["epoch"] != winner["epoch"]:
        problems.append(f"the model of trial {trial} is of epoch {about['epoch']}, its best is {winner['epoch']}")
    if about["checkpoint"] is None and checkpoints:
        problems.append(
            f"trial {trial} left no whole checkpoint of its best epoch; its configuration and log are in best/"
        )
    return problems


def _is_of(path: Path, trial: str) -> bool:
    """True for the trial's own folder, and those of its later segments."""
    name = path.parent.parent.name
    return name == trial or (name.startswith(f"{trial}-") and name.removeprefix(f"{trial}-").isdigit())
