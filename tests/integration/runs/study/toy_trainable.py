"""A trainable whose results depend on its weights, so that a wrong checkpoint shows.

``TOY_S``: seconds that an epoch takes, from epoch ``TOY_FROM`` on (1); the earlier ones take none.
"""

import json
import os
import time
from pathlib import Path

from ray import tune

MEETING_LIMIT_S = 600.0


class Toy(tune.Trainable):
    def setup(self, config):
        self.x, self.w = config["x"], 0.0

    def step(self):
        if self.iteration + 1 >= int(os.environ.get("TOY_FROM", "1")):
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


class Meeting(Toy):
    """In its first epoch trial 2k waits until trial 2k + 1 has begun, and the reverse; each says which process it is in.

    So two workers are busy at the same time, however slow suggestions are. ``folder`` is where they leave word.
    """

    def step(self):
        mine = int(self.trial_id)
        folder = Path(self.config["folder"])
        (folder / str(mine)).touch()
        end = time.monotonic() + MEETING_LIMIT_S
        while not (folder / str(mine ^ 1)).exists():
            if time.monotonic() > end:
                raise RuntimeError(f"trial {mine ^ 1} never began")
            time.sleep(0.01)
        return {**super().step(), "process": os.getpid()}


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
