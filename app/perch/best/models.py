"""``best/``: weights of the best trial and of the next four, and what they predict for every structure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perch.atomic import replacing
from perch.best.worst import write_worst
from perch.data.prepare import Prepared
from perch.errors import PerchError
from perch.log.folder import RunFolder
from perch.log.state import KEPT
from perch.record import load
from perch.record.reading import Run
from perch.study import Study
from perch.training.assigned import device_here
from perch.training.cache import prepared_for
from perch.training.device import set_threads
from perch.training.loop import Training
from perch.training.weights import Kept, kept_of, read_kept, save_best

if TYPE_CHECKING:
    import pandas as pd


def write_best(study: Study, folder: RunFolder, cache: Path) -> list[str]:
    """Write the models of the best trials, the named best first. Returns what could not be had, in words.

    A trial that led kept its weights. Those of a trial that was never near the lead at the time are trained again, with
    its own randomness, up to its best epoch; after an exploit (PBT) that is not possible, and the trial is left out.
    """
    run = load(folder.path)
    members: list[tuple[Training, Kept, dict[str, Any]]] = []
    problems: list[str] = []
    for row in leading(run):
        prepared = prepared_for(study.data.model_dump(), Path(study.base), cache, row["config"])
        try:
            training, kept = _weights(study, folder, prepared, row)
        except PerchError as error:
            problems.append(f"no weights of trial {row['trial_id']}: {error.what}")
            continue
        about = {
            "run_id": run.id,
            "test_mae_ev": row["test_mae_ev"],
            "validation_mae_ev": row["best_validation_mae_ev"],
        }
        members.append((training, kept, about))
    if members:
        set_threads(len(os.sched_getaffinity(0)))  # nothing trains any more: all cores may predict
        save_best(folder.best, members)
        predictions = _write_predictions(folder.best / "predictions.parquet", members)
        write_worst(study, folder, cache, predictions)
    return problems


def leading(run: Run) -> list[dict[str, Any]]:
    """Rows of the best trials of the search: the one that the summary names, then the next four by value."""
    if run.best is None:
        return []
    rows = run.trials[(run.trials.phase == "search") & run.trials.best_value.notna()]
    rows = rows.sort_values("best_value", ascending=run.study.mode == "min", kind="stable")
    records = [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]
    first = [r for r in records if r["trial_id"] == run.best["trial_id"]]
    others = [r for r in records if r["trial_id"] != run.best["trial_id"]]
    return [_plain(r) for r in [*first, *others][:KEPT]]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose configuration lacks the keys that only other trials have, with whole numbers where they were."""
    config = {k: v for k, v in row["config"].items() if v is not None}
    test = row["test_mae_ev"]
    return {**row, "config": config, "test_mae_ev": None if test is None or np.isnan(test) else float(test)}


def _weights(study: Study, folder: RunFolder, prepared: Prepared, row: dict[str, Any]) -> tuple[Training, Kept]:
    trial, epoch = row["trial_id"], int(row["best_epoch"])
    training = Training(
        prepared,
        row["config"],
        epochs=study.epochs,
        seed=study.seed,
        key=trial,
        model=study.trainable_name,
        device=device_here(study.resources.gpus),
        tf32=study.resources.tf32,
        threads=max(int(study.resources.cpus), 1),
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
    """A row per structure: target, the ensemble's mean and its deviation, and the named best's own prediction."""
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
