"""``best/``: the winner's models, and what they predict for every structure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perch.atomic import replacing
from perch.best.members import about, ensemble, note, runners_up
from perch.best.worst import write_worst
from perch.data.prepare import Prepared
from perch.errors import PerchError
from perch.log.events import read
from perch.log.folder import RunFolder
from perch.record import load
from perch.record.winner_file import write_about
from perch.study import Study
from perch.training.assigned import device_here
from perch.training.cache import prepared_for
from perch.training.device import set_threads
from perch.training.loop import Training
from perch.training.weights import Kept, kept_of, read_kept, save_best, save_model

if TYPE_CHECKING:
    import pandas as pd

Model = tuple[Training, Kept, dict[str, Any]]
"""A configuration on its data, its weights, and what is said of them."""


def write_best(study: Study, folder: RunFolder, cache: Path) -> list[str]:
    """Write the winner's models, the runners-up as far as their weights were kept, and what the winner predicts.

    Returns what must be said of them, in words.

    Trainings with fresh seeds and trials that led kept their weights. Those of another trial are trained anew, with its
    own randomness, up to its best epoch; after an exploit (PBT) that is not possible, and the trial is left out.
    """
    run = load(folder.path)
    rows = ensemble(run)
    others = [row for row in runners_up(run) if (folder.weights / f"{row['trial_id']}.pt").is_file()]
    keys = _keys(folder)
    problems: list[str] = []

    def models(wanted: list[dict[str, Any]]) -> list[Model]:
        found: list[Model] = []
        for row in wanted:
            prepared = prepared_for(study.data.model_dump(), Path(study.base), cache, row["config"])
            try:
                found.append((*_weights(study, folder, prepared, row, keys), about(run, row)))
            except PerchError as error:
                problems.append(f"no weights of trial {row['trial_id']}: {error.what}")
        return found

    members = models(rows)
    if not members:
        return problems
    set_threads(len(os.sched_getaffinity(0)))  # nothing trains any more: all cores may predict
    save_best(folder.best, members)
    for training, kept, described in models(others):
        save_model(folder.best / "runners-up" / str(described["trial_id"]), training, kept, described)
    predictions = _write_predictions(folder.best / "predictions.parquet", members)
    write_worst(study, folder, cache, predictions)
    said = note(rows, study.epochs)
    write_about(
        folder.best, run.summary, [kept.trial for _, kept, _ in members], ensemble=_errors_ev(predictions), note=said,
        runners_up=[row["confirms"] for row in others],
    )  # fmt: skip
    return [*problems, *([said] if said else [])]


def _keys(folder: RunFolder) -> dict[str, str]:
    """Trial → the key of its randomness, where that is not its name."""
    return {e["id"]: e["key"] for e in read(folder.events) if e["e"] == "trial" and "key" in e}


def _errors_ev(predictions: pd.DataFrame) -> dict[str, float]:
    """Mean absolute error in eV of the members' mean prediction on each set that is not trained on."""
    errors = (predictions["prediction_ev"] - predictions["target_ev"]).abs().groupby(predictions["split"]).mean()
    return {name: float(errors[name]) for name in ("validation", "test") if name in errors}


def _weights(
    study: Study, folder: RunFolder, prepared: Prepared, row: dict[str, Any], keys: dict[str, str]
) -> tuple[Training, Kept]:
    trial, epoch = row["trial_id"], int(row["best_epoch"])
    training = Training(
        prepared,
        row["config"],
        epochs=study.epochs,
        seed=study.seed,
        key=keys.get(trial, trial),
        model=study.trainable_name,
        device=device_here(study.resources.gpus_each),
        tf32=study.resources.tf32,
        threads=max(int(study.resources.cpus), 1),
        trains=False,
    )
    path = folder.weights / f"{trial}.pt"
    if path.exists():
        kept = read_kept(path)
        if kept.epoch == epoch:
            return training, kept
    if row["segments"] > 1:
        raise PerchError(f"they were not kept, and its {row['segments']} segments cannot be trained again on their own")
    while training.epochs_done < epoch:
        training.epoch()
    return training, kept_of(training, trial=trial, value=float(row["best_value"]))


def _write_predictions(path: Path, members: list[tuple[Training, Kept, dict[str, Any]]]) -> pd.DataFrame:
    """A row per structure: target, the ensemble's mean and its deviation, and the first member's own prediction."""
    import pandas as pd

    energies = np.stack([training.predict(training.prepared.graphs) for training, _, _ in members])
    prepared = members[0][0].prepared
    many = len(members) > 1
    split = np.full(len(prepared), "unused", dtype=object)
    sides = prepared.splits[0]
    for name, rows in (
        ("train", sides.train),
        ("validation", sides.validation),
        ("test", sides.test),
        *sides.tests.items(),
    ):
        split[rows] = name
    table = pd.DataFrame({
        "id": prepared.ids, "split": split, "formula": prepared.formulas, "adsorbate": prepared.adsorbates,
        "size": np.diff(prepared.graphs.start), "target_ev": prepared.graphs.target_ev,
        "prediction_ev": energies.mean(axis=0),
        "deviation_ev": energies.std(axis=0, ddof=1) if many else np.full(len(prepared), np.nan),
        "best_prediction_ev": energies[0],
    })  # fmt: skip
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False)
    return table
