"""MACE (``mace_run_train`` of mace-torch): Batatia et al., NeurIPS 2022, arXiv:2206.07697.

Looked up in the source of mace-torch 0.3.16: options and defaults in ``mace/tools/arg_parser.py``, order of line and
checkpoint in ``mace/tools/train.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from perch.command import Command
from perch.programs.config.template import Template
from perch.programs.preset import Preset, Problem, Searched
from perch.programs.presets import PRESETS

_DEFAULT = "default of mace_run_train 0.3.16: "


def _problems(template: Template) -> Iterator[Problem]:
    if template.get("swa") or template.get("stage_two"):
        yield (
            "mace: a second stage (swa, stage_two) is switched on",
            "it begins at a share of the epochs, changes the loss and starts the best loss anew: epochs before and after cannot be compared",
            "switch it off for tuning, and on for the final training of the best configuration",
        )
    if template.get("distributed"):
        yield (
            "mace: distributed is switched on",
            "a trial is one process",
            "remove it; trials run side by side instead",
        )


def _offers(template: Template, key: str) -> bool:
    """A foundation model fixes the architecture; irreps written out overrule channels and max_L."""
    shape = key in ("num_channels", "max_L", "num_radial_basis", "r_max")
    return not (shape and template.get("foundation_model")) and not (
        key in ("num_channels", "max_L") and template.get("hidden_irreps")
    )


PRESETS.register(
    "mace",
    Preset(
        name="mace",
        title="MACE",
        version="0.3.16",
        distribution="mace-torch",
        metric="forces_rmse_ev_a",
        epochs_key="max_num_epochs",
        defaults=Command.model_validate(
            {
                "preset": "mace",
                "command": ["mace_run_train", "--config", "{config}"],
                "overwrite": {
                    "name": "trial",
                    "seed": "{seed}",
                    "max_num_epochs": "{epochs}",
                    "work_dir": ".",
                    "log_dir": "logs",
                    "model_dir": ".",
                    "checkpoints_dir": "checkpoints",
                    "results_dir": "results",
                    "eval_interval": 1,
                    "restart_latest": True,
                    "save_all_checkpoints": True,
                    "keep_checkpoints": True,
                    "plot": False,
                },
                "paths": ["train_file", "valid_file", "test_file", "test_dir", "statistics_file"],
                "metrics": {
                    "files": "results/*_train.txt",
                    "format": "jsonl",
                    "where": {"mode": "eval"},
                    "epoch": "epoch",
                    "first_epoch": 0,
                },
                "keys": {
                    "forces_rmse_ev_a": "rmse_f",
                    "energy_rmse_ev_atom": "rmse_e_per_atom",
                    "validation_loss": "loss",
                },
                "checkpoint": {"files": "checkpoints/*_epoch-*.pt", "valid": "zip", "epoch": r"_epoch-(\d+)"},
                "resume": "same",
                "changeable": [],
                "grace": 3.0,
                "logs": ["logs/trial_run-*[0-9].log"],
            }
        ),
        space=(
            Searched(
                "lr", {"float": [0.001, 0.03], "log": True}, _DEFAULT + "0.01", prior={"centre": 0.01, "width": 2.0}
            ),
            Searched("batch_size", {"choice": [2, 4, 8, 16, 32]}, _DEFAULT + "10", memory=True),
            Searched("num_channels", {"choice": [16, 32, 64, 128]}, "128 in MACE-MP-0, arXiv:2401.00096", memory=True),
            Searched(
                "max_L",
                {"choice": [0, 1, 2]},
                "0, 1, 2: small, medium, large of MACE-MP-0, arXiv:2401.00096",
                memory=True,
            ),
            Searched(
                "r_max",
                {"float": [4.0, 6.0]},
                _DEFAULT + "5.0 Å; 6.0 Å in MACE-MP-0",
                True,
                {"centre": 5.0, "width": 0.5},
            ),
            Searched("num_radial_basis", {"int": [6, 10]}, _DEFAULT + "8", prior={"centre": 8, "width": 1.0}),
            Searched(
                "weight_decay",
                {"float": [1e-8, 1e-4], "log": True},
                _DEFAULT + "5e-7",
                prior={"centre": 5e-7, "width": 5.0},
            ),
            Searched(
                "forces_weight",
                {"float": [10.0, 1000.0], "log": True},
                _DEFAULT + "100",
                prior={"centre": 100.0, "width": 2.0},
            ),
            Searched(
                "ema_decay",
                {"choice": [0.99, 0.995, 0.999]},
                _DEFAULT + "0.99",
                prior={"centre": 0.99, "probability": 0.6},
            ),
        ),
        traps=(
            "The line of an epoch comes before its checkpoint, and the old checkpoint is deleted first: Perch keeps all and deletes old ones itself.",
            "A checkpoint that cannot be read is passed over in silence and training begins anew, with exit code 0; the first epoch reported shows it.",
            "With averaging on (ema), checkpoints hold averaged weights; a resumed trial is not bit-exact.",
            "A rate that is too high gives NaN and exit code 0.",
        ),
        problems=_problems,
        offers=_offers,
    ),
)
