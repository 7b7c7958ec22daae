"""A trainable whose results depend on its weights, so that a wrong checkpoint shows. ``TOY_S``: seconds per epoch."""

import json
import os
import time
from pathlib import Path

from ray import tune


class Toy(tune.Trainable):
    def setup(self, config):
        self.x, self.w = config["x"], 0.0

    def step(self):
        time.sleep(float(os.environ.get("TOY_S", "0.01")))  # stands for work
        if self.x > 0.93:
            raise RuntimeError("too large an x")
        self.w += 1 / (1 + 8 * abs(self.x - 0.3))
        return {"loss": 1 / (1 + self.w), "weight": self.w}

    def save_checkpoint(self, checkpoint_dir):
        Path(checkpoint_dir, "w.json").write_text(json.dumps(self.w))

    def load_checkpoint(self, checkpoint_dir):
        self.w = json.loads(Path(checkpoint_dir, "w.json").read_text())

    def reset_config(self, new_config):
        self.setup(new_config)
        return True


class Silent(tune.Trainable):
    def step(self):
        return {"accuracy": 0.5}

    def save_checkpoint(self, checkpoint_dir):
        pass


def function(config):
    w = 0.0
    for _ in range(5):
        w += 1 / (1 + 8 * abs(config["x"] - 0.3))
        tune.report({"loss": 1 / (1 + w)})
