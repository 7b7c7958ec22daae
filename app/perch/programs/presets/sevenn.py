"""SevenNet (``sevenn train``): Park et al., J. Chem. Theory Comput. 2024, 20, 4857, arXiv:2402.03789.

Looked up in the source of sevenn 0.13.0: ``presets/*.yaml``, ``scripts/processing_epoch.py`` and ``processing_continue.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from perch.command import Command
from perch.programs.config.template import Template
from perch.programs.preset import Preset, Problem, Searched
from perch.programs.presets import PRESETS

_BASE = "sevenn 0.13.0, presets/base.yaml: "


def _problems(template: Template) -> Iterator[Problem]:
    record = [str(pair) for pair in template.get("train.error_record", [])]
    if template.has("train.error_record") and not any("Force" in pair and "RMSE" in pair for pair in record):
        yield (
            "sevenn: train.error_record has no [Force, RMSE]", "the metric forces_rmse_ev_a is read from it",
            "add [Force, RMSE] and [Energy, RMSE]",
        )  # fmt: skip
    if not template.get("data.load_validset_path"):
        yield ("sevenn: there is no data.load_validset_path", "trials are judged by the validation set", "name one")
    if template.has("train.continue.checkpoint") and not template.get("train.continue.reset_epoch"):
        yield (
            "sevenn: fine-tuning without train.continue.reset_epoch: True", "epochs would be counted on from the pretrained model's",
            "set it, as sevenn's own presets/fine_tune.yaml does",
        )  # fmt: skip


def _offers(template: Template, key: str) -> bool:
    """Fine-tuning keeps the model's shape."""
    return not (key.startswith("model.") and template.has("train.continue.checkpoint"))


PRESETS.register(
    "sevenn",
    Preset(
        name="sevenn",
        title="SevenNet",
        version="0.13.0",
        distribution="sevenn",
        metric="forces_rmse_ev_a",
        epochs_key="train.epoch",
        defaults=Command.model_validate(
            {
                "preset": "sevenn",
                "command": ["sevenn", "train", "{config}"],
                "overwrite": {"train.random_seed": "{seed}", "train.epoch": "{epochs}", "train.per_epoch": 1},
                "paths": ["data.load_trainset_path", "data.load_validset_path", "data.load_testset_path"],
                "metrics": {"files": "lc*.csv", "format": "csv", "epoch": "epoch", "first_epoch": 1},
                "keys": {
                    "forces_rmse_ev_a": "validset_Force_RMSE",
                    "energy_rmse_ev_atom": "validset_Energy_RMSE",
                    "stress_rmse_kbar": "validset_Stress_RMSE",
                    "validation_loss": "validset_TotalLoss",
                    "learning_rate": "lr",
                },
                "checkpoint": {"files": "checkpoint_[0-9]*.pth", "valid": "zip", "epoch": r"checkpoint_(\d+)\.pth"},
                "resume": {
                    "overwrite": {
                        "train.continue.checkpoint": "{checkpoint}",
                        "train.continue.reset_optimizer": False,
                        "train.continue.reset_scheduler": False,
                        "train.continue.reset_epoch": False,
                    }
                },
                "changeable": [],
                "grace": 3.0,
                "logs": ["log.sevenn"],
            }
        ),
        space=(
            Searched(
                "train.optim_param.lr",
                {"float": [0.0005, 0.02], "log": True},
                _BASE + "0.005; fine_tune.yaml: 0.004",
                prior={"centre": 0.005, "width": 2.0},
            ),
            Searched(
                "data.batch_size", {"choice": [2, 4, 8, 16]}, _BASE + "4", True, {"centre": 4, "probability": 0.5}
            ),
            Searched(
                "train.force_loss_weight",
                {"float": [0.01, 10.0], "log": True},
                _BASE + "0.1; fine_tune.yaml: 1.0",
                prior={"centre": 0.1, "width": 5.0},
            ),
            Searched(
                "train.scheduler_param.gamma",
                {"float": [0.95, 0.999]},
                _BASE + "0.99",
                prior={"centre": 0.99, "width": 0.01},
            ),
            Searched("model.channel", {"choice": [16, 32, 64, 128]}, _BASE + "32; SevenNet-0: 128", memory=True),
            Searched(
                "model.lmax",
                {"choice": [1, 2, 3]},
                _BASE + "2; SevenNet-l3i5: 3",
                True,
                {"centre": 2, "probability": 0.6},
            ),
            Searched(
                "model.num_convolution_layer",
                {"int": [2, 5]},
                _BASE + "3; SevenNet-0: 5",
                True,
                {"centre": 3, "width": 1.0},
            ),
            Searched(
                "model.cutoff",
                {"float": [4.0, 6.0]},
                _BASE + "5.0 Å; SevenNet-l3i5: 6.0 Å",
                True,
                {"centre": 5.0, "width": 0.5},
            ),
        ),
        traps=(
            "A mistyped key is ignored with a warning: Perch refuses keys that the template lacks.",
            "The message of a failure is in log.sevenn only; Perch shows its last lines.",
            "A rate that is too high gives nan and exit code 0.",
            "Resumed training is not bit-exact.",
        ),
        problems=_problems,
        offers=_offers,
    ),
)
