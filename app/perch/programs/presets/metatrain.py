"""metatrain (``mtt train``): https://docs.metatensor.org/metatrain. Tried with metatrain 2026.4.1 and its ``soap_bpnn`` architecture."""

from __future__ import annotations

from collections.abc import Iterator

from perch.command import Command
from perch.programs.config.template import Template
from perch.programs.preset import Preset, Problem, Searched
from perch.programs.presets import PRESETS


def _problems(template: Template) -> Iterator[Problem]:
    forces = template.get("validation_set.targets.energy.forces")
    if template.has("validation_set.targets") and not template.has("validation_set.targets.energy"):
        yield (
            "metatrain: there is no target 'energy'", "the preset's metrics are those of a target of that name",
            "name your own columns of train.csv under trainable.keys",
        )  # fmt: skip
    if forces is False:
        yield (
            "metatrain: validation_set.targets.energy.forces is false",
            "the metric is the forces' error",
            "set it to true, or name another metric",
        )


PRESETS.register(
    "metatrain",
    Preset(
        name="metatrain",
        title="metatrain",
        version="2026.4.1",
        distribution="metatrain",
        metric="forces_rmse_ev_a",
        epochs_key="architecture.training.num_epochs",
        defaults=Command.model_validate(
            {
                "preset": "metatrain",
                "command": ["mtt", "train", "{config}", "-o", "model.pt"],
                "overwrite": {
                    "seed": "{seed}",
                    "architecture.training.num_epochs": "{epochs}",
                    "architecture.training.log_interval": 1,
                    "architecture.training.checkpoint_interval": 1,
                },
                "paths": [
                    "training_set.systems.read_from",
                    "validation_set.systems.read_from",
                    "test_set.systems.read_from",
                ],
                "metrics": {"files": "outputs/*/*/train.csv", "format": "csv", "epoch": "Epoch", "first_epoch": 0},
                "keys": {
                    "forces_rmse_ev_a": {"key": "validation forces RMSE", "factor": 0.001},
                    "energy_rmse_ev_atom": {"key": "validation energy RMSE (per atom)", "factor": 0.001},
                    "validation_loss": "validation loss",
                    "learning_rate": "learning rate",
                },
                "checkpoint": {"files": "outputs/*/*/model_[0-9]*.ckpt", "valid": "zip", "epoch": r"model_(\d+)\.ckpt"},
                "resume": {"arguments": ["--restart={checkpoint}"]},
                "changeable": [],
                "grace": 3.0,
                "logs": ["outputs/*/*/train.log"],
            }
        ),
        space=(
            Searched(
                "architecture.training.learning_rate",
                {"float": [0.0003, 0.03], "log": True},
                "an order of magnitude to each side of common values",
            ),
            Searched(
                "architecture.training.batch_size",
                {"choice": [4, 8, 16, 32]},
                "powers of two around common values",
                memory=True,
            ),
            Searched("architecture.training.warmup_fraction", {"float": [0.005, 0.1]}, "a share of the epochs"),
            Searched("architecture.model.bpnn.num_hidden_layers", {"int": [1, 3]}, "soap_bpnn alone"),
            Searched(
                "architecture.model.bpnn.num_neurons_per_layer",
                {"choice": [16, 32, 64, 128]},
                "soap_bpnn alone",
                memory=True,
            ),
        ),
        traps=(
            "The cosine schedule hangs on num_epochs: it is set to the study's epochs in every trial, never to less.",
            "--restart auto may take another file than the model's checkpoint: Perch names the checkpoint.",
            "A rate that is too high stays finite and learns nothing, with exit code 0.",
        ),
        problems=_problems,
    ),
)
