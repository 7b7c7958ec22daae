"""``best/`` of a run that trains something that is not Perch's: checkpoint, configuration and what else was kept, as files.

What a training kept of its best epoch is a folder with ``about.json`` (epoch, value) in it: a class's (``perch.training.keeping``),
a program's (``perch.programs.keeper``), or, for a function, the checkpoint that it reported.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from perch.log.folder import RunFolder
from perch.record.winner_file import write_about

ABOUT: Final = "about.json"
CONFIG: Final = "config.json"


def write_copied(
    folder: RunFolder, *, saves: bool = True, reported: Mapping[str, tuple[str, int]] | None = None
) -> list[str]:
    """Copy what the winner's trainings kept; returns what could not be had, in words.

    ``saves``: whether the trainable leaves checkpoints at all. ``reported``: training → (checkpoint below the run's folder,
    its epoch), of a function.
    """
    summary: dict[str, Any] = json.loads(folder.summary.read_text(encoding="utf-8"))
    won: dict[str, Any] | None = summary.get("winner")
    if won is None:
        return []
    best = folder.best
    shutil.rmtree(best, ignore_errors=True)
    best.mkdir(parents=True)
    _config(best, won)
    problems: list[str] = []
    members: list[str] = []
    for training in won["trainings"]:
        target = best if not members else best / "ensemble" / str(len(members) + 1)
        kept = _kept(folder, training, summary["mode"])
        if kept is not None:
            shutil.copytree(kept, target, dirs_exist_ok=True)
        elif reported and training in reported:
            path, epoch = reported[training]
            shutil.copytree(folder.path / path, target / "checkpoint", dirs_exist_ok=True)
            (target / ABOUT).write_text(json.dumps({"training": training, "epoch": epoch}, indent=1))
        else:
            if saves:
                problems.append(_missing(training))
            continue
        _config(target, won)
        members.append(training)
        problems += _doubts(target, training, won, saves)
    note = "" if won["trained_to_the_end"] else (
        f"no trial was trained to the end: best/ holds a model that was stopped early, at epoch {won['epochs']}"
    )  # fmt: skip
    write_about(best, summary, members, note=note)
    return [*problems, *([note] if note else [])]


def _config(folder: Path, won: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(won["config"], indent=1, default=str))


def _missing(training: str) -> str:
    why = "it was never among the best while it trained" if not training.startswith("confirm-") else "it left none"
    return (
        f"no model of trial {training} was kept: {why}; a run with its configuration as the first point trains it anew"
    )


def _doubts(target: Path, training: str, won: Mapping[str, Any], saves: bool) -> list[str]:
    about = json.loads((target / ABOUT).read_text())
    if "checkpoint" in about and about["checkpoint"] is None and saves:
        return [f"trial {training} left no whole checkpoint of its best epoch; its configuration and log are in best/"]
    epoch = won.get("epoch")
    if not won["seeds"] and epoch is not None and about["epoch"] != epoch:
        return [f"the model of trial {training} is of epoch {about['epoch']}, its best is {epoch}"]
    return []


def _kept(folder: RunFolder, training: str, mode: str) -> Path | None:
    """The folder with the best that a training kept: of a program, over all its segments."""
    if (folder.weights / training / ABOUT).is_file():
        return folder.weights / training
    sign = -1.0 if mode == "max" else 1.0
    found = (p for p in folder.program_trials.glob(f"{training}*/best/{ABOUT}") if _is_of(p, training))
    ranked = sorted(found, key=lambda p: sign * float(json.loads(p.read_text())["value"]))
    return ranked[0].parent if ranked else None


def _is_of(path: Path, training: str) -> bool:
    """True for the training's own folder, and those of its later segments."""
    name = path.parent.parent.name
    return name == training or (name.startswith(f"{training}-") and name.removeprefix(f"{training}-").isdigit())
