"""A trained model as a folder: ``weights.pt`` (loads with ``weights_only=True``) and ``config.json``.

While a run goes on, a trial that leads keeps its weights in one small file, ``weights/<trial>.pt`` (``keep``), and so does
every training with a fresh seed. At the end some become folders: ``best/`` and ``best/ensemble/2``, ``3`` and so on (``save_best``).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from perch.data.graphs.features import feature_table
from perch.errors import RecordError
from perch.training.loop import Training

WEIGHTS, CONFIG = "weights.pt", "config.json"
FORMAT = 1
EMBEDDINGS = 2000
"""Training structures whose place in feature space is kept, to tell how far new ones are."""


@dataclass(frozen=True)
class Kept:
    """Weights of a trial at one epoch: ``folds`` holds each fold's network and normaliser."""

    trial: str
    epoch: int
    value: float
    config: dict[str, Any]
    model: str
    folds: list[dict[str, Any]]


def kept_of(training: Training, *, trial: str, value: float) -> Kept:
    """The weights as they are now."""
    return Kept(trial, training.epochs_done, value, training.config, training.model, training.model_state())


def keep(folder: Path, kept: Kept) -> Path:
    """Write a trial's weights, in place of its earlier ones; ``value``: the study's metric, lower is better."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kept.trial}.pt"
    content = {**vars(kept), "config": json.dumps(kept.config), "format": FORMAT}
    _save(content, path)
    return path


def read_kept(path: Path) -> Kept:
    """Read what ``keep`` wrote. Raises RecordError when it cannot be read."""
    content = _load(path)
    content.pop("format")
    return Kept(**{**content, "config": json.loads(content["config"])})


def save_model(folder: Path, training: Training, kept: Kept, about: Mapping[str, Any]) -> None:
    """Write a model's folder as a whole or not at all. ``training`` supplies data, and is left with ``kept``'s weights.

    ``about``: what else ``config.json`` is to say (test error, run id); numbers and words.
    """
    for fold, saved in zip(training.folds, kept.folds, strict=True):
        fold.load(saved)
    prepared, graphs = training.prepared, training.prepared.graphs
    table, known = feature_table(prepared.features)
    content = {
        "format": FORMAT,
        "folds": kept.folds,
        "embeddings": [_embeddings(training, n) for n in range(len(training.folds))],
        "feature_table": torch.tensor(table),
        "features_known": torch.tensor(known),
    }
    described = {
        "format": FORMAT,
        "trial_id": kept.trial,
        "epoch": kept.epoch,
        "value": kept.value,
        "model": kept.model,
        "config": kept.config,
        "cutoff_angstrom": graphs.cutoff_angstrom,
        "max_neighbors": graphs.max_neighbors,
        "geometry": prepared.geometry,
        "adsorbate": prepared.adsorbate.model_dump(exclude_none=True) if prepared.adsorbate else None,
        "elements": list(prepared.elements),
        "fixed_atoms": bool(graphs.fixed.any()),
        "normaliser": [{"mean_ev": f["mean_ev"], "deviation_ev": f["deviation_ev"]} for f in kept.folds],
        **about,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        temporary.chmod(0o755)
        _save(content, temporary / WEIGHTS)
        (temporary / CONFIG).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def ensemble_folders(best: Path) -> list[Path]:
    """Where the models of an ensemble lie: ``best`` itself, then those of ``best/ensemble``, by number."""
    further = [f for f in (best / "ensemble").glob("*") if f.name.isdigit()]
    return [best, *sorted(further, key=lambda f: int(f.name))]


def member_folder(best: Path, number: int) -> Path:
    """Where member number 1, 2, … of an ensemble lies."""
    return best if number == 1 else best / "ensemble" / str(number)


def save_best(best: Path, models: Sequence[tuple[Training, Kept, Mapping[str, Any]]]) -> None:
    """Write an ensemble in place of what ``best`` holds: (training on that configuration's data, weights, about)."""
    for number, (training, kept, about) in enumerate(models, 1):
        save_model(member_folder(best, number), training, kept, about)


def read_model(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(description, tensors) of a model's folder. Raises RecordError when it is not one."""
    try:
        described = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(
            f"'{folder}' holds no model",
            why=f"{CONFIG}: {error}",
            fix="give a run that has finished, or its best folder",
        ) from error
    if described.get("format") != FORMAT:
        raise RecordError(
            f"the model in '{folder}' has format {described.get('format')!r}",
            why=f"this version of Perch reads format {FORMAT}",
            fix="use the version that wrote it (see study.yaml)",
        )
    return described, _load(folder / WEIGHTS)


def _embeddings(training: Training, fold: int) -> torch.Tensor:
    """Where training structures lie in one fold's feature space (at most ``EMBEDDINGS``, evenly picked)."""
    one = training.folds[fold]
    picked = np.unique(np.linspace(0, len(one.train_rows) - 1, EMBEDDINGS).astype(int))
    rows = one.train_rows.sort().values[torch.from_numpy(picked)]
    return one.predictor.embed(training.data, rows).float().cpu().clone()


def _save(content: Any, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(content, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _load(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged or a dangerous file
        raise RecordError(
            f"cannot read the weights in '{path}'",
            why=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            fix="it is damaged, or was not written by Perch",
        ) from error
    return content
