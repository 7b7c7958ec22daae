"""The winner's models, loaded from their folders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from perch.data.graphs.graph import Graphs
from perch.errors import RecordError
from perch.model import MODELS
from perch.model.flat import FlatData, gaussian_centers
from perch.training.device import find_device
from perch.training.inference import Predictor
from perch.training.tensors import with_flags
from perch.training.weights import CONFIG, ensemble_folders, read_model

FAR_QUANTILE = 0.99
"""Distances are in units of how far apart neighbours in the training set are, at this quantile."""


@dataclass
class Model:
    """One trained configuration: a network per fold, and where its training structures lie for it."""

    folder: Path
    about: dict[str, Any]
    predictors: list[Predictor]
    embeddings: list[Tensor]
    table: np.ndarray
    device: torch.device

    def data(self, graphs: Graphs) -> FlatData:
        """Graphs as this model's tensors."""
        features = with_flags(self.table[graphs.numbers], graphs)
        return FlatData(graphs, features, self.about["config"]["pooling"], self.device)

    def energies(self, data: FlatData) -> np.ndarray:
        """Energies in eV (G,), the mean over folds."""
        energies: np.ndarray = np.mean([p.predict(data).cpu().numpy() for p in self.predictors], axis=0)
        return energies

    def distances(self, data: FlatData) -> np.ndarray:
        """How far each graph lies from the nearest training structure, in the model's feature space (G,).

        1: as far as 99 % of the training structures have their nearest neighbour. Janet et al., Chem. Sci. 10, 7913
        (2019) show that this distance tells large errors from small ones.
        """
        rows = torch.arange(len(data), device=self.device)
        ratios = []
        for predictor, known in zip(self.predictors, self.embeddings, strict=True):
            nearest = _distances(predictor.embed(data, rows).float(), known).amin(1)
            among = _distances(known, known).fill_diagonal_(float("inf")).amin(1)
            ratios.append((nearest / among.quantile(FAR_QUANTILE).clamp_min(1e-6)).cpu().numpy())
        mean: np.ndarray = np.mean(ratios, axis=0)
        return mean


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (A, B), exact for near ones too."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def load_model(folder: Path, device: str = "auto") -> Model:
    """Load one model. Raises RecordError when the folder does not hold one."""
    about, content = read_model(folder)
    where = find_device(device)
    table = content["feature_table"].numpy()
    predictors = []
    for fold in content["folds"]:
        network = MODELS.get(about["model"])(
            about["config"],
            atom_features=table.shape[1] + 2,
            bond_features=gaussian_centers(about["cutoff_angstrom"]),
        )
        network.load_state_dict(fold["network"])
        width = about["config"]["atom_embedding_size"]
        predictors.append(Predictor(network.to(where), width, fold["mean_ev"], fold["deviation_ev"]))
    embeddings = [e.to(where) for e in content["embeddings"]]
    return Model(folder, about, predictors, embeddings, table, where)


def load_ensemble(run: Path, top: int | None = None, device: str = "auto") -> list[Model]:
    """The models of a run's ensemble (its folder, or the folder of one model), in their order; at most ``top``."""
    best = run / "best" if (run / "best" / CONFIG).is_file() else run
    if (best / "about.json").is_file():
        kept = json.loads((best / "about.json").read_text()).get("checkpoint")
        raise RecordError(
            f"'{run}' holds the model of a training program, which Perch cannot read",
            why=f"it is the program's own file: {best / str(kept)}" if kept else "the program left no checkpoint",
            fix="predict with the program's own tools",
        )
    folders = [f for f in ensemble_folders(best) if (f / CONFIG).is_file()][:top]
    if not folders:
        raise RecordError(
            f"'{run}' holds no trained model",
            why="there is neither best/config.json nor config.json in it" if run.is_dir() else "no such folder",
            fix="give the folder of a run that has finished ('perch run' prints it)",
        )
    return [load_model(folder, device) for folder in folders]
