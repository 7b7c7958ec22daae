"""A user's own trainable for the tests: a learning curve that depends on x alone and takes half a second per epoch."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from ray import tune


class SlowHill(tune.Trainable):
    """``loss`` falls from 1 to (x - 0.3)² as epochs pass."""

    epoch_s = 0.5

    def setup(self, config: dict[str, Any]) -> None:
        """Start at epoch 0."""
        self.x, self.epoch = float(config["x"]), 0

    def step(self) -> dict[str, Any]:
        """One epoch."""
        threading.Event().wait(self.epoch_s)
        self.epoch += 1
        return {"loss": (self.x - 0.3) ** 2 + 1 / (1 + self.epoch)}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """The epoch is all there is."""
        Path(checkpoint_dir, "state.json").write_text(json.dumps({"epoch": self.epoch}))

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Go on from there."""
        self.epoch = json.loads(Path(checkpoint, "state.json").read_text())["epoch"]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Another point, another start."""
        self.setup(new_config)
        return True


class LongHill(SlowHill):
    """Epochs of four seconds: sixty of them are longer than a walltime of two minutes."""

    epoch_s = 4.0
