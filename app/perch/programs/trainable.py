"""A training program as a Ray Tune trainable (class API): a step waits for the program's next epoch."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

from ray import tune

from perch.command import Command
from perch.programs.config.configure import seed_of
from perch.programs.order import Order
from perch.programs.training import Training
from perch.vocabulary import EPOCH_S, GIVEN, READ_AGAIN

HOLD_AFTER_S: Final = 30.0
"""A program whose worker is asked for nothing for so long stands still until it is."""


class ProgramTrainable(tune.Trainable):  # type: ignore[misc]
    """One trial. Its configuration holds hyperparameters, and under ``_perch`` what the run says.

    ``_perch``: ``program`` (the specification, completed), ``trial``, ``segment``, ``seed`` (the study's), ``key``,
    ``epochs``, ``cpus``, ``gpus``, ``folder``, ``metric``, ``mode``, ``keep_below``, ``weights``.
    """

    training: Training | None = None
    _timer: threading.Timer | None = None

    def setup(self, config: dict[str, Any]) -> None:
        """Take the trial on. The program starts with the first step: only then it is known what it goes on from."""
        order = config[GIVEN]
        names = ("trial", "segment", "epochs", "cpus", "gpus", "folder", "metric", "mode", "keep_below", "weights")
        self.training = Training(
            Command.model_validate(order["program"]),
            Order(seed=seed_of(order["seed"], order["key"]), **{n: order[n] for n in names}),
            {k: v for k, v in config.items() if k != GIVEN},
        )

    def step(self) -> dict[str, Any]:
        """The program's next epoch."""
        training = self._training()
        row = training.next_epoch()
        if row is None:  # it ended by itself: the last result once more, with the word that it was the last
            last = training.rows.get(training.epoch, {})
            return {**last, "done": True, "training_iteration": training.epoch, EPOCH_S: 1e-3}
        result: dict[str, Any] = {**row, "training_iteration": training.epoch, EPOCH_S: max(training.epoch_s, 1e-3)}
        follower = training.follower
        if follower is not None and follower.first_ready == training.epoch:
            result["startup_s"] = round(follower.startup_s, 3)
        if training.read_again:
            result[READ_AGAIN] = True
        if training.started_over:
            result["started_over"] = training.started_over
        self._timer = threading.Timer(HOLD_AFTER_S, self._hold, [training])
        self._timer.daemon = True
        self._timer.start()
        return result

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Copy the program's checkpoint out, once it is whole."""
        self._training().save(Path(checkpoint_dir))

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Start from a checkpoint, with the first step."""
        self._training().load(Path(checkpoint_dir))

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """End one trial's program and take another trial on."""
        self.cleanup()
        self.setup(new_config)
        return True

    def cleanup(self) -> None:
        """End the program."""
        if self._timer is not None:
            self._timer.cancel()
        if self.training is not None:
            training, self.training = self.training, None
            training.close()

    def _training(self) -> Training:
        assert self.training is not None
        if self._timer is not None:
            self._timer.cancel()
        if self.training.child is not None:
            self.training.child.go()
        return self.training

    @staticmethod
    def _hold(training: Training) -> None:
        if training.child is not None:
            training.child.hold()
