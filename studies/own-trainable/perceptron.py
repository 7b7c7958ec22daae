"""A trainable of one's own: scikit-learn's perceptron on what the formula says of the embedded structures."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from ray import tune
from sklearn.neural_network import MLPRegressor

from perch.data.baselines import composition_features
from perch.data.prepare import prepare
from perch.study import DataSpec

KEPT = "model.pkl"


class Perceptron(tune.Trainable):
    """Errors are mean absolute ones, in eV."""

    def setup(self, config: dict[str, Any]) -> None:
        """The data are read once per worker."""
        if not hasattr(self, "features"):
            data = prepare(DataSpec(), base=Path())
            table = composition_features(data.graphs, np.array(data.adsorbates)).toarray()
            self.split, self.energies_ev = data.splits[0], data.graphs.target_ev
            self.features = (table - table.mean(0)) / np.maximum(table.std(0), 1e-9)
            self.scale_ev = float(self.energies_ev[self.split.train].std())
        self.model = MLPRegressor(
            hidden_layer_sizes=[config["width"]] * config["layers"], activation=config["activation"], alpha=config["alpha"],
            batch_size=config["batch_size"], learning_rate_init=config["lr"], random_state=config["seed"],
        )  # fmt: skip

    def step(self) -> dict[str, float]:
        """One epoch."""
        train = self.split.train
        self.model.partial_fit(self.features[train], self.energies_ev[train] / self.scale_ev)
        return {"mae": self._mae(self.split.validation), "test_mae": self._mae(self.split.test)}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """The model as scikit-learn keeps it; only this study reads it again."""
        Path(checkpoint_dir, KEPT).write_bytes(pickle.dumps(self.model))

    def load_checkpoint(self, checkpoint: str) -> None:
        """Go on from ``save_checkpoint``."""
        self.model = pickle.loads(Path(checkpoint, KEPT).read_bytes())  # this run's own file

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """The next trial in the same process."""
        self.setup(new_config)
        return True

    def _mae(self, rows: np.ndarray) -> float:
        guess = self.model.predict(self.features[rows]) * self.scale_ev
        return float(np.abs(guess - self.energies_ev[rows]).mean())
