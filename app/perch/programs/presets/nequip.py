"""NequIP (``nequip-train``): Batzner et al., Nature Communications 2022, 13, 2453, arXiv:2101.03164.

Ranges from the documentation of nequip 0.19 (``nequip.model.NequIPGNNModel``: https://nequip.readthedocs.io/en/latest/api/nequip_model.html).
"""

from __future__ import annotations

from collections.abc import Iterator

from perch.command import Command
from perch.programs.config.template import Template
from perch.programs.preset import Preset, Problem, Searched
from perch.programs.presets import PRESETS

_DOCS = "documentation of NequIPGNNModel, nequip 0.19: "


def _problems(template: Template) -> Iterator[Problem]:
    logger = str(template.get("trainer.logger._target_", ""))
    if "CSVLogger" not in logger:
        yield (
            "nequip: trainer.logger is no CSVLogger", f"it is {logger or 'not set'}, and the numbers are read from its file",
            "trainer: {logger: {_target_: lightning.pytorch.loggers.CSVLogger, save_dir: ${hydra:runtime.output_dir}, name: csv}}",
        )  # fmt: skip
    callbacks = template.get("trainer.callbacks", [])
    if not any(isinstance(c, dict) and c.get("save_last") for c in callbacks):
        yield (
            "nequip: no ModelCheckpoint with save_last: true", "a paused or interrupted trial goes on from last.ckpt",
            "add {_target_: lightning.pytorch.callbacks.ModelCheckpoint, dirpath: ${hydra:runtime.output_dir}, save_last: true}",
        )  # fmt: skip
    if template.get("run") not in (["train"], ["train", "val"]):
        yield (
            "nequip: run is not [train]",
            "what comes after training would hold up the next trial",
            "write run: [train]",
        )


PRESETS.register(
    "nequip",
    Preset(
        name="nequip",
        title="NequIP",
        version="0.19.1",
        distribution="nequip",
        metric="forces_rmse_ev_a",
        epochs_key="trainer.max_epochs",
        defaults=Command.model_validate(
            {
                "preset": "nequip",
                "command": ["nequip-train", "-cp", "{config_dir}", "-cn", "{config_name}", "hydra.run.dir=."],
                "overwrite": {"seed": "{seed}", "trainer.max_epochs": "{epochs}", "trainer.check_val_every_n_epoch": 1},
                "paths": [
                    "data.train_file_path",
                    "data.val_file_path",
                    "data.test_file_path",
                    "data.split_dataset.file_path",
                ],
                "metrics": {"files": "csv/version_*/metrics.csv", "format": "csv", "epoch": "epoch", "first_epoch": 0},
                "keys": {
                    "forces_rmse_ev_a": "val0_epoch/forces_rmse",
                    "energy_rmse_ev_atom": "val0_epoch/per_atom_energy_rmse",
                },
                "checkpoint": {"files": "last*.ckpt", "valid": "zip"},
                "resume": {"arguments": ["++ckpt_path='{checkpoint}'"]},
                "changeable": [],
                "grace": 1.0,
                "keep": ["best*.ckpt"],
                "logs": ["train.log"],
            }
        ),
        space=(
            Searched(
                "training_module.optimizer.lr",
                {"float": [0.001, 0.03], "log": True},
                "0.01 in nequip's tutorial configuration",
                prior={"centre": 0.01, "width": 2.0},
            ),
            Searched(
                "data.train_dataloader.batch_size",
                {"choice": [1, 2, 4, 8, 16]},
                "5 in nequip's tutorial configuration",
                memory=True,
            ),
            Searched("training_module.model.num_layers", {"int": [3, 5]}, _DOCS + "3 to 5 work best", memory=True),
            Searched(
                "training_module.model.l_max",
                {"choice": [1, 2]},
                _DOCS + "1 is a good default, 2 is more accurate and slower",
                memory=True,
                prior={"centre": 1, "probability": 0.6},
            ),
            Searched(
                "training_module.model.num_features",
                {"choice": [16, 32, 64]},
                _DOCS + "default 32",
                True,
                {"centre": 32, "probability": 0.5},
            ),
            Searched("training_module.model.parity", {"choice": [True, False]}, _DOCS + "worth testing", memory=True),
            Searched(
                "training_module.model.radial_mlp_width",
                {"choice": [64, 128]},
                _DOCS + "default 128",
                prior={"centre": 128, "probability": 0.6},
            ),
        ),
        traps=(
            "TERM takes about ten seconds and ends with exit code 0: Perch copies the checkpoint first and waits one second.",
            "metrics.csv is written anew when columns appear, and its rows are sparse: they are merged by epoch.",
            "A rate that is too high may stay finite, near 1e12: trainable.bound ends such a trial.",
            "A changed training_module is ignored on resume: pbt has nothing to change.",
        ),
        problems=_problems,
    ),
)
