"""Training one configuration to the end, without Ray: what ``perch train`` and re-trainings use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perch.data.prepare import Prepared
from perch.errors import TrialError
from perch.training.loop import Training
from perch.training.weights import Kept, kept_of
from perch.vocabulary import EPOCH, TEST_MAE_EV, VALIDATION_MAE_EV

Progress = Callable[[int, dict[str, Any]], None]
"""Called after each epoch with the seed and the epoch's row."""


@dataclass(frozen=True)
class Trained:
    """One training: a row per epoch, the best epoch by validation error, its weights, and what failed, if it did."""

    seed: int
    rows: list[dict[str, Any]]
    best: Kept | None
    error: TrialError | None = None

    @property
    def best_row(self) -> dict[str, Any]:
        """The row of the best epoch; empty when there is none."""
        return self.rows[self.best.epoch - 1] if self.best is not None else {}

    @property
    def validation_mae_ev(self) -> float:
        """Validation error in eV at the best epoch; infinite when no epoch was finished."""
        return float(self.best_row.get(VALIDATION_MAE_EV, float("inf")))

    @property
    def test_mae_ev(self) -> float | None:
        """Test error in eV at the same epoch; None where there is no test set."""
        return self.best_row.get(TEST_MAE_EV)


def train_plain(
    prepared: Prepared,
    config: Mapping[str, Any],
    epochs: int,
    seeds: Sequence[int],
    schedule: Mapping[str, Sequence[Any]] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> list[Trained]:
    """Train a configuration once per seed.

    ``schedule``: values per epoch, as ``{"lr": [0.01, 0.01, 0.003]}``, the last one holding on; it replaces the
    configuration's ``lr_schedule``. ``options``: ``device``, ``threads``, ``model`` of ``Training``.
    A training that diverges is a result, with its error; the others go on.
    """
    return list(_trainings(prepared, config, epochs, seeds, schedule, progress, options))


def _trainings(
    prepared: Prepared,
    config: Mapping[str, Any],
    epochs: int,
    seeds: Sequence[int],
    schedule: Mapping[str, Sequence[Any]] | None,
    progress: Progress | None,
    options: Mapping[str, Any],
) -> Iterator[Trained]:
    full = dict(config) if schedule is None else {**config, "lr_schedule": dict(schedule)}
    for seed in seeds:
        training = Training(prepared, full, epochs=epochs, seed=seed, key=f"train-{seed}", **options)
        rows: list[dict[str, Any]] = []
        best: Kept | None = None
        error: TrialError | None = None
        try:
            while training.epochs_done < epochs:
                row: dict[str, Any] = {EPOCH: training.epochs_done + 1, **training.epoch()}
                rows.append(row)
                value = float(row[VALIDATION_MAE_EV])
                if best is None or value < best.value:
                    best = kept_of(training, trial=f"seed-{seed}", value=value)
                if progress is not None:
                    progress(seed, row)
        except TrialError as failed:
            error = failed
        yield Trained(seed, rows, best, error)
