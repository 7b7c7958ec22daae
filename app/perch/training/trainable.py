"""The plain loop as a Ray Tune trainable (class API). Actor and data are reused from trial to trial."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import ray
import torch
from ray import tune

from perch.errors import RecordError
from perch.limit import Pace, published
from perch.training.assigned import take_device
from perch.training.cache import prepared_for
from perch.training.failure import classify
from perch.training.loop import Training
from perch.training.weights import Kept, keep, kept_of, read_kept
from perch.vocabulary import GIVEN, STORAGE

STATE = "state.pt"
_shown: set[str] = set()


class GraphTrainable(tune.Trainable):  # type: ignore[misc]
    """One trial. Its configuration holds hyperparameters, and under ``_perch`` what the run says.

    ``_perch``: ``study`` (as a mapping), ``base`` (folder that the study's paths start from), ``cache``, ``files``, ``trial``,
    ``segment``, ``seed``, ``epochs``, ``threads``, ``gpus``, ``key``; and, where leading weights are to be kept, ``weights`` (a
    folder) and ``keep_below`` (the value under which they are worth it, lower is better). ``spares``: weights may be left out
    that the end of a run would train again, of trials that do not lead any more or where the file system is slow.
    """

    training: Training | None = None
    _waiting: Kept | None = None
    """Weights of the best epoch that are not written yet."""

    def setup(self, config: dict[str, Any]) -> None:
        """Take the device that was given and show it, prepare the data (once per process), build the model."""
        given = config[GIVEN]
        device = take_device(given.get("gpus"), ray.get_gpu_ids() if ray.is_initialized() else ())
        study, cache = given["study"], given.get("cache")
        prepared = prepared_for(
            study["data"], Path(given["base"]), Path(cache) if cache else None, config, given.get("files", "")
        )
        self.training = Training(
            prepared,
            {k: v for k, v in config.items() if k != GIVEN},
            epochs=given["epochs"],
            seed=given["seed"],
            key=given["key"],
            device=device.name,
            threads=given.get("threads"),
            tf32=study.get("resources", {}).get("tf32", True),
            model=study.get("trainable", "cgcnn"),
        )
        self._metric = study.get("metric", "validation_mae_ev")
        self._sign = -1.0 if study.get("mode") == "max" else 1.0
        self._keep_below = self._written_below = self._lowest_kept(given)
        self._pace = Pace()
        shown = device.words
        if shown not in _shown:
            _shown.add(shown)
            print(f"trials of this worker train on {shown}", flush=True)

    def step(self) -> dict[str, float | str]:
        """One epoch; keeps the weights if the trial leads."""
        assert self.training is not None
        result = self.training.epoch()
        given = self.config[GIVEN]
        value = self._sign * float(result.get(self._metric, float("nan")))
        if given.get("weights") and value < self._keep_below:
            self._waiting, self._keep_below = kept_of(self.training, trial=given["trial"], value=value), value
        if self._waiting is not None and (not given.get("spares") or self._pace.due(time.monotonic())):
            self._keep(Path(given["weights"]))
        return result

    def _keep(self, folder: Path) -> None:
        """Write the weights that wait, which the end of a run can train again, unless the trial does not lead any more."""
        kept, self._waiting = self._waiting, None
        if kept is None:
            return
        if self.config[GIVEN].get("spares") and kept.value > (limit := published(folder)):
            self._keep_below = self._written_below = min(self._written_below, limit)
            return
        began_s = time.monotonic()
        try:
            keep(folder, kept)
            self._written_below = kept.value
        except (OSError, RuntimeError) as error:  # torch's writer reports a failed write as a RuntimeError
            if isinstance(error, RuntimeError) and classify(error).failure != STORAGE:
                raise
            self._keep_below = self._written_below
            print(f"weights of trial {kept.trial} at epoch {kept.epoch} are not kept: {error}", flush=True)
        self._pace.wrote(began_s, time.monotonic())

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Write weights, optimiser state and the epoch: nothing else is needed to go on as if uninterrupted."""
        assert self.training is not None
        torch.save(self.training.state(), Path(checkpoint_dir) / STATE)

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Go on from a checkpoint, under this trial's own settings of the algorithm."""
        assert self.training is not None
        path = Path(checkpoint_dir) / STATE
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            raise RecordError(
                f"cannot read the checkpoint '{path}'", why=str(error).splitlines()[0], fix="start the trial again"
            ) from error
        self.training.load(state)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Become another trial on the same worker: data stay, the old model's memory is freed before the new is built."""
        self.cleanup()
        self.setup(new_config)
        return True

    def cleanup(self) -> None:
        """Let go of the model, the optimiser and their memory on the GPU."""
        if self._waiting is not None:
            self._keep(Path(self.config[GIVEN]["weights"]))
        on_gpu = self.training is not None and self.training.device.type == "cuda"
        self.training = None
        if on_gpu:
            gc.collect()
            torch.cuda.empty_cache()

    def _lowest_kept(self, given: dict[str, Any]) -> float:
        """Below what value this trial's weights are worth keeping: the run's limit, or its own best before an interruption."""
        limit = float(given.get("keep_below", float("inf")))
        if not given.get("weights"):
            return limit
        path = Path(given["weights"]) / f"{given['trial']}.pt"
        try:
            return min(limit, read_kept(path).value) if path.exists() else limit
        except (RecordError, OSError):  # cut off in the middle of a write, or out of reach: the next ones replace it
            return limit
