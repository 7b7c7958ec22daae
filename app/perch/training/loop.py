"""Training one configuration in plain PyTorch: epochs, evaluation, state. Knows nothing of Ray."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from perch.data.graphs.graph import Graphs
from perch.data.prepare import Prepared
from perch.errors import Diverged, StudyError
from perch.model.flat import KEPT_EXPANSION_BYTES, FlatData
from perch.training.device import describe, find_device, peak_memory_bytes, reset_peak_memory, set_tf32, set_threads
from perch.training.fold import Fold
from perch.training.keys import at_epoch, complete
from perch.training.tensors import flat_data, graph_features
from perch.vocabulary import (
    DEVICE,
    EPOCH_S,
    EVALUATING_S,
    LEARNING_RATE,
    PEAK_MEMORY_BYTES,
    TEST_MAE_EV,
    TRAIN_MAE_EV,
    TRAINING_S,
    VALIDATION_MAE_EV,
)


class Training:
    """One configuration being trained; with k folds, k networks side by side whose mean error is the metric.

    All randomness comes from (seed, key): initial weights from (seed, key, fold), the order of an epoch from
    (seed, key, fold, epoch). So an interrupted training goes on as if nothing had happened, from ``state`` alone.
    """

    def __init__(
        self,
        prepared: Prepared,
        config: Mapping[str, Any],
        *,
        epochs: int,
        seed: int,
        key: str,
        device: str = "auto",
        threads: int | None = None,
        model: str = "cgcnn",
        tf32: bool = True,
        trains: bool = True,
    ) -> None:
        """Build networks and optimisers; ``epochs`` is what a schedule is stretched over, ``tf32``: see ``set_tf32``.

        ``trains`` False: it is to predict with weights that are there; an optimiser is made only if it trains after all.
        """
        set_threads(threads)
        self.config = complete(config)
        self.model, self.epochs = model, epochs
        self.device = find_device(device)
        set_tf32(self.device, tf32)
        reset_peak_memory(self.device)
        self.prepared = prepared
        _check_graphs(self.config, prepared.graphs)
        self.data = flat_data(prepared, self.config["pooling"], self.device)
        room = KEPT_EXPANSION_BYTES // len(prepared.splits)
        self.folds = [
            Fold(self.data, split, prepared.graphs.target_ev, self.config, model, (seed, key, n), room)
            for n, split in enumerate(prepared.splits)
        ]
        if trains:
            for fold in self.folds:
                fold.want_optimizer()
        self.epochs_done = 0

    def epoch(self) -> dict[str, float | str]:
        """Train one epoch and evaluate. Returns errors in eV and seconds, under the names of the vocabulary.

        Raises Diverged when a loss or an error is not a finite number. The training error is that of the batches as
        they were trained on; the others are those of the epoch's final weights.
        """
        began = time.perf_counter()
        now = at_epoch(self.config, self.epochs_done + 1, self.epochs)
        train = [fold.train(now, self.epochs_done + 1) for fold in self.folds]
        trained = time.perf_counter()
        errors = [fold.evaluate() for fold in self.folds]
        result: dict[str, float | str] = {
            TRAIN_MAE_EV: float(np.mean(train)),
            **{error_name(name): float(np.mean([e[name] for e in errors])) for name in errors[0]},
        }
        self.epochs_done += 1
        for name, value in result.items():
            if not math.isfinite(float(value)):
                raise Diverged(
                    f"{name} is {value} after epoch {self.epochs_done}",
                    why=f"the training ran away with lr = {now['lr']:.3g}",
                    fix="nothing to do: the trial ends as diverged",
                )
        ended = time.perf_counter()
        return {
            **result,
            LEARNING_RATE: float(now["lr"]),
            EPOCH_S: ended - began,
            TRAINING_S: trained - began,
            EVALUATING_S: ended - trained,
            PEAK_MEMORY_BYTES: peak_memory_bytes(self.device),
            DEVICE: describe(self.device),
        }

    def state(self) -> dict[str, Any]:
        """Weights, optimisers and the epoch: tensors, numbers and plain containers only, copied to the CPU."""
        return {"epoch": self.epochs_done, "folds": [_copy(fold.state()) for fold in self.folds]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a ``state`` of the same architecture; the configuration's lr, momentum and decay stay in force."""
        self.epochs_done = int(state["epoch"])
        for fold, saved in zip(self.folds, state["folds"], strict=True):
            fold.load(saved)

    def model_state(self) -> list[dict[str, Any]]:
        """What predicting needs of each fold: weights and normaliser, copied to the CPU."""
        return [_copy(fold.model_state()) for fold in self.folds]

    def predict(self, graphs: Graphs) -> np.ndarray:
        """Energies of new graphs in eV (G,), the mean over folds."""
        features = graph_features(graphs, self.prepared.features)
        data = FlatData(graphs, features, self.config["pooling"], self.device)
        energies: np.ndarray = np.mean([fold.predictor.predict(data).cpu().numpy() for fold in self.folds], axis=0)
        return energies


def error_name(rows: str) -> str:
    """The result key of the error on a set of rows: ``validation``, ``test``, or a further test set ``test_<name>``."""
    return VALIDATION_MAE_EV if rows == "validation" else f"{TEST_MAE_EV}{rows.removeprefix('test')}"


def _check_graphs(config: Mapping[str, Any], graphs: Graphs) -> None:
    """Graphs made with other settings than the configuration's would silently answer another question."""
    for key in ("cutoff_angstrom", "max_neighbors"):
        if config[key] is not None and config[key] != getattr(graphs, key):
            raise StudyError(
                f"{key} is {config[key]}, but the graphs were made with {getattr(graphs, key)}",
                why="they belong to another configuration",
                fix=f"prepare the data with {key}={config[key]}",
            )


def _copy(value: Any) -> Any:
    """A deep copy on the CPU that shares no memory with the live tensors."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {k: _copy(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copy(v) for v in value]
    return value
